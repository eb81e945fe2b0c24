import { setTimeout as sleep } from 'node:timers/promises'
import { REQUEST_TIMEOUT_MS } from '../../aws/handlers.js'
import { isNotConnected, readFailure, type AwsFailure } from '../../aws/failure.js'
import { KeymgmtError } from '../../errors.js'
import { isAmbiguous, isInTransition, isNotYetVisible, isThrottled, translate } from './errors.js'
import type { RequestPlace } from './advice.js'
import type { AwsMiddleware, AwsRequest } from './middleware.js'
import { factsOf, type OperationFacts } from './operations.js'
import type { RateLimiter } from './rate-limiter.js'
import { RESPONSE_TOO_LARGE } from './responses.js'

/** The longest wait for AWS's eventual consistency. */
export const CONSISTENCY_MS = 120_000
/** Maximum attempts for a request that failed on AWS's side. */
const ATTEMPTS = 5
/** Maximum attempts to connect. */
const CONNECTION_ATTEMPTS = 3
/** The shortest wait that is reported, in milliseconds. */
const NOTICEABLE_MS = 500

/** The options that all requests of a provider share. */
export interface RetryOptions {
  /**
   * Aborts every request and every wait. If its reason is a `KeymgmtError`, that is the error;
   * otherwise it is an interruption. Nothing else limits the wait for throttling.
   */
  readonly signal: AbortSignal
  /** Receives a message about each wait that a user would notice. */
  readonly onWait?: (message: string) => void
  /**
   * Runs before each request that creates a KMS key, with the longest time that the request takes,
   * in milliseconds. If it rejects, the request is not sent.
   */
  readonly beforeCreating?: ((timeoutMs: number) => Promise<void>) | undefined
}

/**
 * Returns middleware that keeps requests within the quota, waits for throttling and eventual
 * consistency, repeats requests that failed on AWS's side, and translates every other error.
 */
export function retryWithin(
  limiter: RateLimiter,
  options: RetryOptions,
  place: RequestPlace = {},
): AwsMiddleware {
  const { signal } = options
  return async (request, next) => {
    const { operation } = request
    const facts = factsOf(operation)
    const started = performance.now()
    // An earlier attempt may have created the KMS key, even if a later one was refused.
    let mayExist = false
    for (let attempt = 1; ; attempt++) {
      await pause(options, request, limiter.acquire(operation), "for AWS's quota")
      if (facts.creates) await options.beforeCreating?.(REQUEST_TIMEOUT_MS)
      try {
        const reply = await next()
        limiter.accepted(operation)
        return reply
      } catch (error) {
        const failure = readFailure(error)
        const isLost = isAmbiguous(failure)
        mayExist ||= facts.creates === true && isLost
        if (signal.aborted)
          throw stopped(signal, request, facts.nonIdempotent && isLost ? error : undefined)
        const throttled = isThrottled(failure)
        if (throttled) limiter.throttled(operation)
        const delay = retryAfter(failure, facts, attempt, performance.now() - started)
        if (delay === undefined)
          throw finalError(translate(failure, request, place), failure, mayExist)
        const why = throttled ? 'for AWS, which is throttling' : `after ${failure.name}`
        await pause(options, request, delay, why)
      }
    }
  }
}

async function pause(
  { signal, onWait }: RetryOptions,
  request: AwsRequest,
  ms: number,
  why: string,
): Promise<void> {
  if (ms >= NOTICEABLE_MS)
    onWait?.(
      `${request.operation} in ${request.region}: waiting ${(ms / 1000).toFixed(1)} s ${why}`,
    )
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined)
  if (signal.aborted) throw stopped(signal, request)
}

/** PURE: returns the milliseconds until the request may be sent again; undefined if it may not. */
export function retryAfter(
  failure: AwsFailure,
  { nonIdempotent, eventuallyConsistent }: Partial<OperationFacts>,
  attempt: number,
  waitedMs: number,
): number | undefined {
  const backoff = Math.min(50 * 2 ** (attempt - 1), 5_000) * (0.5 + Math.random() / 2)
  if (failure.error instanceof KeymgmtError || failure.name === RESPONSE_TOO_LARGE) return undefined
  if (isThrottled(failure)) return backoff
  const isUnsafe = nonIdempotent === true && isAmbiguous(failure)
  if (failure.clockCorrected && attempt === 1 && !isUnsafe) return 0
  const settling = isInTransition(failure) || (eventuallyConsistent && isNotYetVisible(failure))
  if (settling) return waitedMs < CONSISTENCY_MS ? backoff : undefined
  if (isNotConnected(failure)) return attempt < CONNECTION_ATTEMPTS ? backoff : undefined
  if (isAmbiguous(failure) && !isUnsafe) return attempt < ATTEMPTS ? backoff : undefined
  return undefined
}

/**
 * Returns `translated`, or, if AWS may have carried out the request, an error that says that the
 * reply was lost.
 */
function finalError(
  translated: KeymgmtError,
  { error }: AwsFailure,
  mayExist: boolean,
): KeymgmtError {
  return mayExist ? ambiguous(translated, error) : translated
}

function ambiguous({ message, requestId, awsError }: KeymgmtError, cause: unknown): KeymgmtError {
  return new KeymgmtError('KMS_AMBIGUOUS', message, {
    hints: [
      'the reply was lost: run the same command again, which first looks for what AWS created',
      ...(awsError !== undefined && requestId === undefined
        ? [
            "the reply has no request id, as AWS's own replies do: check for a proxy that removes it",
          ]
        : []),
    ],
    requestId,
    cause,
  })
}

/** Returns the error of an aborted request. `lost` is the error if AWS may have carried it out. */
function stopped(
  signal: AbortSignal,
  { operation, region }: AwsRequest,
  lost?: unknown,
): KeymgmtError {
  const reason =
    signal.reason instanceof KeymgmtError
      ? signal.reason
      : new KeymgmtError('INTERRUPTED', 'interrupted')
  const error = new KeymgmtError(reason.code, `${reason.message}, at ${operation} in ${region}`, {
    hints: [...reason.hints, 'run the same command again: it continues where this one stopped'],
  })
  return lost ? ambiguous(error, lost) : error
}
