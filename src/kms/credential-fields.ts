/**
 * The `credentials` that a provider of AWS KMS takes: four of Vault, and those that only keymgmt
 * has.
 */
export const AWS_CREDENTIALS = {
  access_key: 'AWS access key id.',
  secret_key: 'AWS secret access key.',
  session_token: 'AWS session token.',
  endpoint: 'URL of AWS KMS, instead of its public endpoint.',
  profile: 'Profile in the shared AWS files.',
  role_arn: 'ARN of an IAM role to assume.',
  external_id: 'External id for assuming role_arn.',
  use_fips: 'true for the FIPS endpoints of AWS. It takes precedence over AWS_USE_FIPS_ENDPOINT.',
  use_dualstack:
    'true for the endpoints of AWS with IPv4 and IPv6. It takes precedence over AWS_USE_DUALSTACK_ENDPOINT.',
} as const

/** The names whose values are secret. */
export const SECRET_CREDENTIALS: readonly (keyof typeof AWS_CREDENTIALS)[] = [
  'secret_key',
  'session_token',
]
