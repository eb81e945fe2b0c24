import { isNotConnected, type AwsFailure } from '../../aws/failure.js'
import { KeymgmtError } from '../../errors.js'

/** Maximum attempts for a request that failed on S3's side. */
const ATTEMPTS = 6
/** Maximum attempts to connect. */
const CONNECTION_ATTEMPTS = 3
/** Maximum attempts for a request that conflicts with another one for the same object. */
const COLLISION_ATTEMPTS = 12
/** The longest wait for throttling, in milliseconds. */
const THROTTLING_MS = 60_000

/** A server that does not implement a request has not carried it out, and never will. */
export const NOT_IMPLEMENTED = 501

/** PURE: true if S3 may have carried out the request although it failed. */
export function mayBeDone(failure: AwsFailure): boolean {
  if (failure.error instanceof KeymgmtError || isNotConnected(failure)) return false
  const { status } = failure
  return status === undefined || (status >= 500 && status !== NOT_IMPLEMENTED) || status < 300
}

/** PURE: milliseconds until the request may be sent again; undefined if it may not. */
export function retryAfter(
  failure: AwsFailure,
  attempt: number,
  waitedMs: number,
): number | undefined {
  const { error, name, status, clockCorrected } = failure
  const backoff = Math.min(50 * 2 ** (attempt - 1), 5_000) * (0.5 + Math.random() / 2)
  const within = (attempts: number) => (attempt < attempts ? backoff : undefined)
  if (error instanceof KeymgmtError) return undefined
  if (clockCorrected && attempt === 1) return 0
  if (status === 429 || status === 503 || name === 'SlowDown')
    return waitedMs < THROTTLING_MS ? backoff : undefined
  // Two requests for one object at the same time: S3 asks for a repetition.
  if (name === 'ConditionalRequestConflict' || name === 'OperationAborted')
    return within(COLLISION_ATTEMPTS)
  if (isNotConnected(failure)) return within(CONNECTION_ATTEMPTS)
  if (name === 'RequestTimeout' || mayBeDone(failure)) return within(ATTEMPTS)
  return undefined
}
