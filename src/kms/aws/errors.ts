import { KeymgmtError, type ErrorCode } from '../../errors.js'
import { redact, shorten } from '../../redact.js'
import type { AwsRequest } from './middleware.js'
import { factsOf } from './operations.js'
import { isRefusal, NotSentError, RESPONSE_MALFORMED, RESPONSE_TOO_LARGE } from './responses.js'

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
  [
    RESPONSE_MALFORMED,
    {
      code: 'KMS_FAILED',
      hints: () => ['check the endpoint, and whether a proxy replied in its place'],
    },
  ],
])

const UNREACHABLE: Advice = {
  code: 'KMS_UNREACHABLE',
  hints: () => ['check the network, the Region and the endpoint, then run the same command again'],
}

const RETRY_LATER: Advice = {
  code: 'KMS_FAILED',
  hints: () => ['run the same command again: it continues from here'],
}

const NOT_SENT: Advice = {
  code: 'KMS_FAILED',
  hints: () => ['nothing was sent to AWS; check the AWS configuration'],
}

function adviceOn({ name, status }: AwsFailure): Advice {
  return ADVICE.get(name) ?? (status === undefined ? UNREACHABLE : RETRY_LATER)
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
  /** False if keymgmt failed before it handed the request to the network. */
  readonly sent: boolean
  /** True if AWS's clock differs from ours, and the SDK now corrects for it. */
  readonly clockCorrected: boolean
}

interface Metadata {
  readonly httpStatusCode?: number
  readonly requestId?: string
  readonly clockSkewCorrected?: boolean
}

/** Reads what `error` says, whatever it is. */
export function readFailure(thrown: unknown): AwsFailure {
  const sent = !(thrown instanceof NotSentError || thrown instanceof KeymgmtError)
  const error = thrown instanceof NotSentError ? thrown.cause : thrown
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
    sent,
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
export function isThrottled({ name, sent }: AwsFailure): boolean {
  return sent && (name === 'ThrottlingException' || name === 'TooManyRequestsException')
}

/** True if no connection was opened, so AWS did not see the request. */
export function isNotConnected({ code, sent }: AwsFailure): boolean {
  return sent && NOT_CONNECTED.test(code)
}

/**
 * True if AWS may have carried out the request although it failed. Only AWS's own refusal proves
 * that it did not: a refusal has a name that AWS uses, a status of 4xx, and a request id.
 */
export function isAmbiguous(failure: AwsFailure): boolean {
  const { name, status = 0, requestId, sent } = failure
  if (!sent || isNotConnected(failure)) return false
  return !(isRefusal(name) && status >= 400 && status < 500 && requestId !== undefined)
}

/** True if the KMS key is still being created, or is between two states. */
export function isInTransition({ name, message }: AwsFailure): boolean {
  return name === 'KMSInvalidStateException' && /is (creating|updating)/.test(message)
}

/**
 * True if a KMS key that is new, or has just received its material, is not visible everywhere yet.
 */
export function isNotYetVisible({ name, message }: AwsFailure): boolean {
  if (name === 'NotFoundException') return true
  return name === 'KMSInvalidStateException' && message.includes('is pending import')
}

/**
 * The error that a user sees for a failed request: what was asked, what AWS replied, what to do.
 * Its `awsError` is AWS's name for it, if the reply came from AWS.
 */
export function translate(failure: AwsFailure, request: AwsRequest): KeymgmtError {
  const { error } = failure
  if (error instanceof KeymgmtError) return error
  const { operation, region, input } = request
  const advice = failure.sent ? adviceOn(failure) : NOT_SENT
  const said = failure.status === undefined && failure.code ? failure.code : failure.name
  const subject = factsOf(operation).subject(input)
  return new KeymgmtError(
    advice.code,
    `${operation} in ${region} for ${subject}: ${said}: ${shorten(redact(failure.message), MAX_SERVICE_TEXT) || 'no answer'}`,
    {
      hints: advice.hints(request),
      requestId: failure.requestId,
      awsError: failure.sent && failure.status !== undefined ? failure.name : undefined,
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
