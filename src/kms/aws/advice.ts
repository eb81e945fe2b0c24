import type { AwsFailure } from '../../aws/failure.js'
import { CLOCK_HINT, EXPIRED_HINT, isClockSkew, permissionHint } from '../../aws/hints.js'
import type { ErrorCode } from '../../errors.js'
import type { AwsRequest } from './middleware.js'
import type { AwsOperation } from './operations.js'
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

/** Returns the code and the hints for a failed request. */
export const adviceOn: Adviser = (failure, request, place) => {
  const { name, sent, status } = failure
  if (!sent)
    return { code: 'KMS_FAILED', hints: ['nothing was sent to AWS; check the AWS configuration'] }
  const adviser = BY_NAME.get(name) ?? (status === undefined ? unreachable : otherwise)
  return adviser(failure, request, place)
}

/** An organisation may deny new KMS keys without certain tags. */
const TAGS_HINT =
  'if your organisation requires tags of each KMS key, add them to the distribution: tags=NAME=VALUE'

const isCreation = (operation: AwsOperation) =>
  operation === 'CreateKey' || operation === 'ReplicateKey'

const denied: Adviser = ({ message }, { operation }, { provider }) => ({
  code: 'KMS_ACCESS_DENIED',
  hints:
    operation === 'GetCallerIdentity'
      ? ['no IAM policy can deny the call: check the policy of the VPC endpoint for STS']
      : [
          permissionHint(`kms:${operation}`, message),
          ...(isCreation(operation) && message.includes('explicit deny') ? [TAGS_HINT] : []),
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

const badCredentials: Adviser = (failure, { region }, { provider }) => ({
  code: 'KMS_CREDENTIALS',
  hints: isClockSkew(failure)
    ? [CLOCK_HINT]
    : [
        provider === undefined
          ? 'check the AWS credentials'
          : `check the AWS credentials; to replace the provider's: keymgmt write keymgmt/kms/${provider} credentials=@FILE`,
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

/**
 * The advice on any other error. A refusal repeats until its cause is removed; other failures may
 * be temporary.
 */
const otherwise: Adviser = ({ name, status = 0 }) => ({
  code: 'KMS_FAILED',
  hints: [
    status < 500 && isRefusal(name)
      ? 'AWS refused the request: the same command fails again until that reason is removed'
      : 'run the same command again: it continues where this one stopped',
  ],
})

/** AWS can raise every quota except the number of rotations in place. */
const exhausted: Adviser = (_failure, { operation }) => ({
  code: 'KMS_LIMIT',
  hints: [
    operation === 'RotateKeyOnDemand'
      ? 'AWS does not raise this quota: distribute the key to a second provider in that Region, and keep this KMS key for what it has encrypted'
      : 'a quota of the AWS account is exhausted: request an increase in Service Quotas, or delete KMS keys, then run the same command again',
  ],
})

/** AWS refuses a policy that locks the caller out, and one with unknown principals. */
const refusedPolicy: Adviser = (_failure, _request, { provider }) => {
  const path = `keymgmt/kms/${provider ?? 'NAME'}/key/KEY`
  return {
    code: 'KMS_FAILED',
    hints: [
      `AWS refuses the key policy: correct it and set it again: keymgmt write ${path} policy=@policy.json`,
      `to accept a policy that does not let this caller change it any more, add allow_lockout=true; to return to AWS's default: keymgmt write ${path} policy=`,
    ],
  }
}

const constant =
  (code: ErrorCode, ...hints: readonly string[]): Adviser =>
  () => ({ code, hints })

const expired = constant('KMS_CREDENTIALS', EXPIRED_HINT)
const wrongClock = constant('KMS_CREDENTIALS', CLOCK_HINT)

/**
 * Advice by AWS's error code, the `name` of the SDK's error. A Map, because the names are
 * untrusted.
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
  ['LimitExceededException', exhausted],
  ['MalformedPolicyDocumentException', refusedPolicy],
  // The caller adds the hint, because it knows the names.
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
