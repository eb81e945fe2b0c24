import { KeymgmtError } from '../../errors.js'
import { redact, shorten } from '../../redact.js'
import { adviceOn, type RequestPlace } from './advice.js'
import type { AwsRequest } from './middleware.js'
import { factsOf } from './operations.js'
import { isRefusal, NotSentError } from './responses.js'

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
 * The error that a user sees for a failed request: the request, AWS's reply, and what to do next.
 * Its `awsError` is AWS's name for it, if the reply came from AWS.
 */
export function translate(
  failure: AwsFailure,
  request: AwsRequest,
  place: RequestPlace = {},
): KeymgmtError {
  const { error, code: cause, name, status, sent, requestId } = failure
  if (error instanceof KeymgmtError)
    return error.code === 'KMS_CREDENTIALS' ? named(error, place) : error
  const { code, hints } = adviceOn(failure, request, place)
  const reason = shorten(redact(failure.message), MAX_SERVICE_TEXT) || 'no reply'
  const label = status === undefined && cause ? cause : name
  return new KeymgmtError(
    code,
    `${describeRequest(request, place)}: ${reason.includes(label) ? '' : `${label}: `}${reason}`,
    {
      hints,
      requestId,
      awsError: sent && status !== undefined ? name : undefined,
      cause: error,
    },
  )
}

function describeRequest({ operation, region, input }: AwsRequest, place: RequestPlace): string {
  const { provider, host } = place
  const at = host === undefined ? '' : ` at ${host}`
  const of = provider === undefined ? '' : ` (provider ${provider})`
  return `${operation} in ${region}${at}${of} for ${factsOf(operation).subject(input)}`
}

/** The error of a lookup of credentials, which does not know the provider. */
function named(error: KeymgmtError, { provider }: RequestPlace): KeymgmtError {
  if (provider === undefined) return error
  const { code, message, hints, requestId, awsError } = error
  const details = { hints, requestId, awsError, cause: error }
  return new KeymgmtError(code, `provider ${provider}: ${message}`, details)
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
