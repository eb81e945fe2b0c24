import type { AwsFailure } from './failure.js'

const IAM_POLICY = 'the IAM policy of the user or role'
const ROLE_TRUST_POLICY = 'the trust policy of the role that is assumed'

/** The policies that AWS names in its refusals, and where each one is. */
const POLICIES: readonly (readonly [inMessage: RegExp, policy: string])[] = [
  [/service control polic/i, 'the service control policies (SCPs) of your AWS organization'],
  [/resource control polic/i, 'the resource control policies (RCPs) of your AWS organization'],
  [/VPC endpoint polic/i, 'the policy of the VPC endpoint'],
  [/permissions? boundar/i, 'the permissions boundary of the IAM user or role'],
  [/session polic/i, 'the session policy with which the role was assumed'],
  [/identity-based polic/i, IAM_POLICY],
  [/resource-based polic/i, "the KMS key's policy"],
]

/** The policies that allow an operation that names no KMS key. */
const POLICIES_OF = new Map([
  ['kms:CreateKey', IAM_POLICY],
  ['kms:ListKeys', IAM_POLICY],
  ['kms:ListAliases', IAM_POLICY],
  ['sts:AssumeRole', `${IAM_POLICY}, and in ${ROLE_TRUST_POLICY}`],
  ['sts:AssumeRoleWithWebIdentity', ROLE_TRUST_POLICY],
])

/** Matches a message that asks for a second factor. */
const MULTI_FACTOR = /multi-?factor/i

/**
 * Returns the hint that says how to allow a denied operation, based on AWS's message.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function permissionHint(permission: string, message: string): string {
  if (MULTI_FACTOR.test(message)) return MFA_HINT
  if (/tag polic/i.test(message))
    return 'a tag policy of your AWS organization refuses the tags that begin with "keymgmt:": ask its administrators to allow them'
  const named = POLICIES.find(([inMessage]) => inMessage.test(message))?.[1]
  const policy =
    named ?? POLICIES_OF.get(permission) ?? `${IAM_POLICY}, and in the KMS key's policy`
  return /explicit deny/i.test(message)
    ? `remove the statement that denies ${permission} from ${policy}`
    : `allow ${permission} in ${policy}`
}

const MFA_HINT =
  'AWS requires MFA here: get a session with aws sts get-session-token --serial-number DEVICE --token-code CODE, and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN'

/** The hint for an error that a wrong clock caused. */
export const CLOCK_HINT =
  "correct this machine's clock, which differs from AWS's by more than 5 minutes; then run the same command again"

/** True if a wrong clock is the reason for the failure. */
export function isClockSkew({ name, message }: AwsFailure): boolean {
  return (
    /^Request(Expired|TimeTooSkewed)$/.test(name) ||
    /signature (expired|not yet current)/i.test(message)
  )
}

/** The hint for credentials that have expired. */
export const EXPIRED_HINT =
  'the session has expired: get new credentials, then run the same command again'

/**
 * Returns the hint for a failed lookup of credentials. `action` is the failed call of STS, if any.
 */
export function lookupHint(failure: AwsFailure, action: string | undefined): string {
  const { name, code, message } = failure
  if (MULTI_FACTOR.test(message)) return MFA_HINT
  if (name === 'AccessDenied' && action !== undefined)
    return permissionHint(`sts:${action}`, message)
  if (name.startsWith('ExpiredToken')) return EXPIRED_HINT
  if (isClockSkew(failure)) return CLOCK_HINT
  if (code === 'ENOENT' || code === 'EACCES')
    return 'create the file, or correct the setting that names it (AWS_WEB_IDENTITY_TOKEN_FILE, or the AWS profile)'
  return 'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
}
