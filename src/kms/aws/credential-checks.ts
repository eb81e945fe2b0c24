import { KeymgmtError } from '../../errors.js'
import type { AWS_CREDENTIALS } from '../credential-fields.js'
import { assertEndpoint } from '../../aws/endpoint.js'

type Name = keyof typeof AWS_CREDENTIALS
type Credentials = Readonly<Partial<Record<Name, string>>>

const TRUE_OR_FALSE = { pattern: /^(true|false)$/i, form: 'true or false' }

/**
 * The form of each value, in AWS's words where they exist. `form` follows "takes" in the error.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
const FORMS: Readonly<Partial<Record<Name, { readonly pattern: RegExp; readonly form: string }>>> =
  {
    access_key: {
      pattern: /^\w{1,128}$/,
      form: 'an access key id, which has only letters and digits, such as AKIAIOSFODNN7EXAMPLE',
    },
    secret_key: {
      pattern: /^(?!A[KS]IA[A-Z2-7]{16}$)[!-~]+$/,
      form: 'the secret access key, not the access key id, and no white space',
    },
    session_token: { pattern: /^[!-~]+$/, form: 'the session token, without white space' },
    profile: {
      pattern: /^\P{Cc}+$/u,
      form: 'the name of a profile of the AWS configuration files',
    },
    role_arn: {
      pattern: /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
      form: 'the ARN of an IAM role, such as arn:aws:iam::111122223333:role/NAME',
    },
    external_id: {
      pattern: /^[\w+=,.@:/-]{2,1224}$/,
      form: '2 to 1,224 letters, digits and characters of +=,.@:/-',
    },
    use_fips: TRUE_OR_FALSE,
    use_dualstack: TRUE_OR_FALSE,
  }

/** The names that require another one. */
const NEEDED: readonly (readonly [name: Name, needs: Name])[] = [
  ['access_key', 'secret_key'],
  ['secret_key', 'access_key'],
  ['session_token', 'access_key'],
  ['external_id', 'role_arn'],
]

/**
 * Refuses credentials that cannot be right. An error never contains a value.
 * @throws KeymgmtError FIELD_INVALID, KMS_ENDPOINT_REFUSED
 */
export function assertCredentials(credentials: Readonly<Record<string, string>>): void {
  const given: Credentials = credentials
  for (const [name, value] of Object.entries(given) as [Name, string][]) assertValue(name, value)
  for (const [name, needs] of NEEDED)
    if (given[name] !== undefined && given[needs] === undefined)
      throw invalid(`${name} needs ${needs}`, [
        'credentials are replaced as a whole: specify all of them in one command',
      ])
  if (given.profile !== undefined && given.access_key !== undefined)
    throw invalid('profile and access_key are two sources of the same credentials', [
      'specify only one of them',
    ])
  if (given.endpoint !== undefined) assertEndpoint(given.endpoint, 'credentials=endpoint')
  for (const name of ['use_fips', 'use_dualstack'] as const)
    if (given.endpoint !== undefined && given[name]?.toLowerCase() === 'true')
      throw invalid(`${name} selects an endpoint of AWS, but endpoint selects another one`, [
        'specify only one of them: endpoint can be the URL of a FIPS endpoint, such as https://kms-fips.us-west-1.amazonaws.com',
      ])
}

function assertValue(name: Name, value: string): void {
  if (value === '')
    throw invalid(`${name} is empty`, [
      `leave ${name} out, or set the variable that it comes from`,
      "to use AWS's credential chain instead: credentials=",
    ])
  const { pattern, form } = FORMS[name] ?? {}
  const takes = form === undefined ? [] : [`${name} takes ${form}`]
  if (value !== value.trim()) throw invalid(`${name} begins or ends with white space`, takes)
  if (/\p{Cc}/u.test(value)) throw invalid(`${name} contains a control character`, takes)
  if (pattern && !pattern.test(value))
    throw invalid(`${name} has the wrong form`, [...roleOf(name, value), ...takes])
}

/** Returns a hint with the ARN of the role, if the value is the ARN of a session. */
function roleOf(name: Name, value: string): readonly string[] {
  const [, partition, account, role] =
    /^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role\/([\w+=,.@-]{1,64})(?:\/|$)/.exec(value) ?? []
  return name === 'role_arn' && role !== undefined
    ? [
        `it is the ARN of a session; did you mean "arn:${partition ?? ''}:iam::${account ?? ''}:role/${role}"?`,
      ]
    : []
}

function invalid(problem: string, hints: readonly string[]): KeymgmtError {
  return new KeymgmtError('FIELD_INVALID', `field "credentials": ${problem}`, { hints })
}
