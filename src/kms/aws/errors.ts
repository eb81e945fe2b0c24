import { KeymgmtError, type ErrorCode } from '../../errors.js'
import { redact, shorten } from '../../redact.js'
import type { AwsRequest } from './middleware.js'
import { factsOf } from './operations.js'
import { RESPONSE_TOO_LARGE } from './response-size.js'

interface Advice {
  readonly code: ErrorCode
  readonly hints: (request: AwsRequest) => readonly string[]
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
  [
    RESPONSE_TOO_LARGE,
    {
      code: 'KMS_FAILED',
      hints: () => ['check the endpoint: no response of AWS KMS is that large'],
    },
  ],
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

/** Quote at most this much of a service: messages of AWS KMS are shorter. */
const MAX_SERVICE_TEXT = 600

/** The parts of an SDK error that are used here; any of them may be missing. */
export interface AwsFailure {
  readonly error: unknown
  readonly name: string
  readonly message: string
  readonly code: string
  readonly status: number | undefined
  readonly requestId: string | undefined
  /** True if AWS's clock differs from ours, and the SDK now corrects for it. */
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
    error,
    name: textOr('Error', name),
    message: textOr('', message),
    code: textOr('', code),
    status: $metadata?.httpStatusCode,
    requestId: $metadata?.requestId,
    clockCorrected: $metadata?.clockSkewCorrected === true,
  }
}

/** The reply is untrusted: a value may be of any type. */
function textOr(otherwise: string, value: unknown): string {
  return typeof value === 'string' ? value : otherwise
}

/**
 * True if AWS throttled the request. `LimitExceededException` is not that: waiting does not help
 * against it.
 */
export function isThrottled({ name, status }: AwsFailure): boolean {
  return name === 'ThrottlingException' || name === 'TooManyRequestsException' || status === 429
}

/** True if the request certainly never reached AWS. */
export function isNotSent({ code }: AwsFailure): boolean {
  return NOT_CONNECTED.test(code)
}

/** Errors after which AWS may have carried out the request. */
const MAY_BE_DONE = ['KMSInternalException', 'DependencyTimeoutException', RESPONSE_TOO_LARGE]

/**
 * True if the request may have been carried out although it failed: no reply, or a failure inside
 * AWS.
 */
export function isAmbiguous(failure: AwsFailure): boolean {
  if (failure.status !== undefined && failure.status >= 500) return true
  if (MAY_BE_DONE.includes(failure.name)) return true
  return (
    failure.status === undefined &&
    !isNotSent(failure) &&
    !ADVICE.has(failure.name) &&
    !(failure.error instanceof KeymgmtError)
  )
}

/** True if the KMS key is still being created, or is between two states. */
export function isInTransition({ name, message }: AwsFailure): boolean {
  return name === 'KMSInvalidStateException' && /is (creating|updating)/.test(message)
}

/**
 * The error that a user sees for a failed request: what was asked, what AWS replied, what to do.
 * Its `awsError` is AWS's name for it, if the reply came from AWS.
 */
export function translate(error: unknown, request: AwsRequest): KeymgmtError {
  if (error instanceof KeymgmtError) return error
  const { operation, region, input } = request
  const failure = readFailure(error)
  const advice =
    ADVICE.get(failure.name) ?? (failure.status === undefined ? UNREACHABLE : RETRY_LATER)
  const said = failure.status === undefined && failure.code ? failure.code : failure.name
  const subject = factsOf(operation).subject(input)
  return new KeymgmtError(
    advice.code,
    `${operation} in ${region} for ${subject}: ${said}: ${shorten(redact(failure.message), MAX_SERVICE_TEXT) || 'no answer'}`,
    {
      hints: advice.hints(request),
      requestId: failure.requestId,
      awsError: failure.status === undefined ? undefined : failure.name,
      cause: error,
    },
  )
}

/** True if `error` is AWS's error called `name`. */
export function isAwsError(error: unknown, name: string): error is KeymgmtError {
  return error instanceof KeymgmtError && error.awsError === name
}

/**
 * The reply, or undefined if AWS refused with the error called `name`; every other error is thrown.
 */
export async function catchAwsError<T>(reply: Promise<T>, name: string): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (isAwsError(error, name)) return undefined
    throw error
  }
}
