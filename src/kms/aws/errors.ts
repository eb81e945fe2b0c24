import { KeymgmtError, type ErrorCode } from '../../errors.js'

/** What was being asked of AWS. */
export interface CallContext {
  readonly operation: string
  readonly region: string
  /** What the call was about, such as an alias or a KMS key id. */
  readonly subject: string
}

interface Advice {
  readonly code: ErrorCode
  readonly hints: (context: CallContext) => readonly string[]
}

const denied: Advice = {
  code: 'KMS_ACCESS_DENIED',
  hints: ({ operation }) => [
    `allow kms:${operation} in the caller's IAM policy and in the KMS key's policy`,
  ],
}
const badCredentials: Advice = {
  code: 'KMS_CREDENTIALS',
  hints: () => [
    "check the provider's credentials: keymgmt write keymgmt/kms/NAME credentials=access_key=… credentials=secret_key=…",
  ],
}
const expired: Advice = {
  code: 'KMS_CREDENTIALS',
  hints: () => ['the session has expired: get new credentials and run the same command again'],
}
const limit: Advice = {
  code: 'KMS_LIMIT',
  hints: () => [
    'a quota of the AWS account is used up: ask for more in Service Quotas, or remove keys, then run the same command again',
  ],
}
const missing: Advice = {
  code: 'KMS_KEY_NOT_FOUND',
  hints: () => [
    'compare what is on record with what AWS has: keymgmt read keymgmt/kms/NAME/key/KEY/verify',
  ],
}

/**
 * By the `name` of the SDK's error, which is AWS's error code. A Map, for the names come from
 * outside.
 */
const ADVICE = new Map<string, Advice>([
  ['AccessDeniedException', denied],
  ['AccessDenied', denied],
  ['UnrecognizedClientException', badCredentials],
  ['InvalidClientTokenId', badCredentials],
  ['InvalidSignatureException', badCredentials],
  ['SignatureDoesNotMatch', badCredentials],
  ['MissingAuthenticationTokenException', badCredentials],
  ['IncompleteSignature', badCredentials],
  [
    'CredentialsProviderError',
    {
      code: 'KMS_CREDENTIALS',
      hints: () => [
        'give the provider credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
      ],
    },
  ],
  ['ExpiredTokenException', expired],
  ['ExpiredToken', expired],
  ['LimitExceededException', limit],
  ['NotFoundException', missing],
])

const UNREACHABLE: Advice = {
  code: 'KMS_UNREACHABLE',
  hints: () => ['check the network, the Region and the endpoint, then run the same command again'],
}

const RETRY_LATER: Advice = {
  code: 'KMS_FAILED',
  hints: () => ['run the same command again to go on from here'],
}

/** Names of socket failures after which nothing can have reached AWS. */
const NOT_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_TLS_.*|CERT_.*|.*SELF_SIGNED_CERT.*|UNABLE_TO_.*)$/

/** The parts of an SDK error that are used here; any of them may be missing. */
export interface AwsFailure {
  readonly name: string
  readonly message: string
  readonly code: string
  readonly status: number | undefined
  readonly requestId: string | undefined
  /** Whether AWS's clock differs from ours, and the SDK has set its own right. */
  readonly clockCorrected: boolean
}

interface Metadata {
  readonly httpStatusCode?: number
  readonly requestId?: string
  readonly clockSkewCorrected?: boolean
}

/** Reads what `error` says, whatever it is. */
export function readFailure(error: unknown): AwsFailure {
  const { name, message, code, $metadata } = (error ?? {}) as {
    name?: unknown
    message?: unknown
    code?: unknown
    $metadata?: Metadata
  }
  return {
    name: textOr('Error', name),
    message: textOr('', message),
    code: textOr('', code),
    status: $metadata?.httpStatusCode,
    requestId: $metadata?.requestId,
    clockCorrected: $metadata?.clockSkewCorrected === true,
  }
}

/** What comes from outside may be of any type. */
function textOr(otherwise: string, value: unknown): string {
  return typeof value === 'string' ? value : otherwise
}

/**
 * Whether AWS answered that it was asked too often. `LimitExceededException` is not that: waiting
 * does not help it.
 */
export function isThrottled({ name, status }: AwsFailure): boolean {
  return name === 'ThrottlingException' || name === 'TooManyRequestsException' || status === 429
}

/** Whether the request certainly never reached AWS. */
export function isNotSent({ code }: AwsFailure): boolean {
  return NOT_CONNECTED.test(code)
}

/**
 * Whether the request may have been carried out although it failed: no answer, or a failure inside
 * AWS.
 */
export function isAmbiguous(failure: AwsFailure): boolean {
  if (failure.status !== undefined && failure.status >= 500) return true
  if (['KMSInternalException', 'DependencyTimeoutException'].includes(failure.name)) return true
  // The transport's own errors come before anything is sent.
  const ours = failure.name === 'KeymgmtError'
  return failure.status === undefined && !ours && !isNotSent(failure) && !ADVICE.has(failure.name)
}

/** Whether a KMS key is still on its way into existence, or between two states. */
export function isInTransition({ name, message }: AwsFailure): boolean {
  return name === 'KMSInvalidStateException' && /is (creating|updating)/.test(message)
}

/**
 * The error that a person sees for a failed call: what was asked of whom, what AWS said, what to
 * do.
 */
export function translate(error: unknown, context: CallContext): KeymgmtError {
  if (error instanceof KeymgmtError) return error
  const failure = readFailure(error)
  const advice =
    ADVICE.get(failure.name) ?? (failure.status === undefined ? UNREACHABLE : RETRY_LATER)
  const said = failure.status === undefined && failure.code ? failure.code : failure.name
  return new KeymgmtError(
    advice.code,
    `${context.operation} in ${context.region} for ${context.subject}: ${said}: ${failure.message || 'no answer'}`,
    { hints: advice.hints(context), requestId: failure.requestId, cause: error },
  )
}
