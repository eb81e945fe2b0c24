import type { AwsFailure } from '../../aws/failure.js'
import type { ErrorCode } from '../../errors.js'
import type { AwsRequest } from './middleware.js'
import { isRefusal, RESPONSE_MALFORMED, RESPONSE_TOO_LARGE } from './responses.js'

/** The provider that sent a request, and the host that received it. */
export interface RequestPlace {
  readonly provider?: string | undefined
  readonly host?: string | undefined
}

/** The code of an error, and its hints. */
export interface Advice {
  readonly code: ErrorCode
  readonly hints: readonly string[]
}

type Adviser = (failure: AwsFailure, request: AwsRequest, place: RequestPlace) => Advice

/** The code and the hints for a failed request. */
export const adviceOn: Adviser = (failure, request, place) => {
  const { name, sent, status } = failure
  if (!sent)
    return { code: 'KMS_FAILED', hints: ['nothing was sent to AWS; check the AWS configuration'] }
  const adviser = BY_NAME.get(name) ?? (status === undefined ? unreachable : otherwise)
  return adviser(failure, request, place)
}

/** The policies that AWS names in its refusals, and where each one is. */
const POLICIES: readonly (readonly [inMessage: RegExp, policy: string])[] = [
  [/service control polic/i, 'the service control policies (SCPs) of your AWS organization'],
  [/resource control polic/i, 'the resource control policies (RCPs) of your AWS organization'],
  [/VPC endpoint polic/i, 'the policy of the VPC endpoint'],
  [/permissions? boundar/i, 'the permissions boundary of the IAM user or role'],
  [/session polic/i, 'the session policy with which the role was assumed'],
  [/identity-based polic/i, 'the IAM policy of the user or role'],
  [/resource-based polic/i, "the KMS key's policy"],
]

/** The operations on no KMS key: only the caller's own policies allow them. */
const WITHOUT_KEY: readonly string[] = ['CreateKey', 'ListKeys', 'ListAliases']

/**
 * How to allow an operation that AWS denied, from AWS's message.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function permissionHint(permission: string, message: string): string {
  if (/multi-?factor/i.test(message)) return MFA_HINT
  if (/tag polic/i.test(message))
    return 'a tag policy of your AWS organization refuses the tags that begin with "keymgmt:": ask its administrators to allow them'
  const named = POLICIES.find(([inMessage]) => inMessage.test(message))?.[1]
  const operation = permission.slice(permission.indexOf(':') + 1)
  const policy =
    named ??
    (WITHOUT_KEY.includes(operation)
      ? 'the IAM policy of the user or role'
      : "the IAM policy of the user or role, and in the KMS key's policy")
  return /explicit deny/i.test(message)
    ? `remove the statement that denies ${permission} from ${policy}`
    : `allow ${permission} in ${policy}`
}

/** The hint for a request or a profile that needs a second factor. */
export const MFA_HINT =
  'AWS requires MFA here: get a session with aws sts get-session-token --serial-number DEVICE --token-code CODE, and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN'

const denied: Adviser = ({ message }, { operation }, { provider }) => ({
  code: 'KMS_ACCESS_DENIED',
  hints:
    operation === 'GetCallerIdentity'
      ? ['no IAM policy can deny the call: check the policy of the VPC endpoint for STS']
      : [
          permissionHint(`kms:${operation}`, message),
          ...(provider === undefined
            ? []
            : [`to print a sufficient IAM policy: keymgmt policy keymgmt/kms/${provider}`]),
        ],
})

/** The Regions of the partition `aws` that every account has. Others have to be enabled. */
const ALWAYS_ENABLED =
  /^(us-(east|west)-[12]|ap-south-1|ap-northeast-[123]|ap-southeast-[12]|ca-central-1|eu-central-1|eu-west-[123]|eu-north-1|sa-east-1|(cn|us-gov|us-iso)\w*-.*)$/

function enableHint(region: string): string {
  return `enable ${region} for the AWS account: aws account enable-region --region-name ${region}`
}

const CLOCK_HINT =
  "correct this machine's clock, which differs from AWS's by more than 5 minutes; then run the same command again"

const badCredentials: Adviser = ({ message }, { region }, { provider }) => ({
  code: 'KMS_CREDENTIALS',
  hints: /signature (expired|not yet current)/i.test(message)
    ? [CLOCK_HINT]
    : [
        provider === undefined
          ? 'check the AWS credentials'
          : `check the AWS credentials; to replace those of the provider: keymgmt write keymgmt/kms/${provider} credentials=@FILE`,
        ...(ALWAYS_ENABLED.test(region)
          ? []
          : [`AWS also refuses credentials if the Region is not enabled; ${enableHint(region)}`]),
      ],
})

const notEnabled: Adviser = (_failure, { region }) => ({
  code: 'KMS_ACCESS_DENIED',
  hints: [enableHint(region)],
})

const unreachable: Adviser = (_failure, { region }) => ({
  code: 'KMS_UNREACHABLE',
  hints: [
    `check the network, the Region (${region}) and the endpoint, then run the same command again`,
  ],
})

/** A refusal fails again until its reason is gone; anything else may not happen again. */
const otherwise: Adviser = ({ name, status = 0 }) => ({
  code: 'KMS_FAILED',
  hints: [
    status < 500 && isRefusal(name)
      ? 'AWS refused the request: the same command fails again until that reason is removed'
      : 'run the same command again: it continues where this one stopped',
  ],
})

const constant =
  (code: ErrorCode, ...hints: readonly string[]): Adviser =>
  () => ({ code, hints })

const expired = constant(
  'KMS_CREDENTIALS',
  'the session has expired: get new credentials, then run the same command again',
)
const wrongClock = constant('KMS_CREDENTIALS', CLOCK_HINT)

/**
 * By the `name` of the SDK's error, which is AWS's error code. A Map, because the names come from
 * outside.
 */
const BY_NAME = new Map<string, Adviser>([
  ['AccessDeniedException', denied],
  ['AccessDenied', denied],
  ['TagPolicyException', denied],
  ['UnrecognizedClientException', badCredentials],
  ['InvalidClientTokenId', badCredentials],
  ['InvalidSignatureException', badCredentials],
  ['SignatureDoesNotMatch', badCredentials],
  ['MissingAuthenticationTokenException', badCredentials],
  ['IncompleteSignature', badCredentials],
  ['ExpiredTokenException', expired],
  ['ExpiredToken', expired],
  ['RequestExpired', wrongClock],
  ['RequestTimeTooSkewed', wrongClock],
  ['OptInRequired', notEnabled],
  ['RegionDisabledException', notEnabled],
  [
    'LimitExceededException',
    constant(
      'KMS_LIMIT',
      'a quota of the AWS account is exhausted: request an increase in Service Quotas, or delete KMS keys, then run the same command again',
    ),
  ],
  // The caller knows the names for a hint.
  ['NotFoundException', constant('KMS_KEY_NOT_FOUND')],
  [
    RESPONSE_TOO_LARGE,
    constant('KMS_FAILED', 'check the endpoint: no response of AWS KMS is that large'),
  ],
  [
    RESPONSE_MALFORMED,
    constant('KMS_FAILED', 'check the endpoint: a proxy or another service replied in its place'),
  ],
])
