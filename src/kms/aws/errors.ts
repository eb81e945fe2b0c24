import { isNotConnected, type AwsFailure } from '../../aws/failure.js'
import { KeymgmtError } from '../../errors.js'
import { redact, shorten } from '../../redact.js'
import { adviceOn, type RequestPlace } from './advice.js'
import type { AwsRequest } from './middleware.js'
import { factsOf } from './operations.js'
import { isRefusal } from './responses.js'

/** Maximum characters that an error quotes from a service. Messages of AWS KMS are shorter. */
const MAX_SERVICE_TEXT = 600

/**
 * True if AWS throttled the request. `LimitExceededException` does not count, because waiting does
 * not help.
 */
export function isThrottled({ name, sent }: AwsFailure): boolean {
  return sent && (name === 'ThrottlingException' || name === 'TooManyRequestsException')
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
 * Returns the error for a failed request: the request, AWS's reply, and the next steps. Its
 * `awsError` is AWS's name for the error, if the reply came from AWS.
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

/** Adds the provider to the error of a lookup of credentials. */
function named(error: KeymgmtError, { provider }: RequestPlace): KeymgmtError {
  if (provider === undefined) return error
  const { code, message, requestId, awsError } = error
  const hints = [
    ...error.hints,
    `to give the provider its own credentials: keymgmt write keymgmt/kms/${provider} credentials=@FILE`,
  ]
  const details = { hints, requestId, awsError, cause: error }
  return new KeymgmtError(code, `provider ${provider}: ${message}`, details)
}

/** True if `error` is AWS's error called `name`. */
export function isAwsError(error: unknown, name: string): error is KeymgmtError {
  return error instanceof KeymgmtError && error.awsError === name
}

/**
 * Returns the reply, or undefined if AWS refused with the error called `name`. Throws every other
 * error.
 */
export async function catchAwsError<T>(reply: Promise<T>, name: string): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (isAwsError(error, name)) return undefined
    throw error
  }
}
