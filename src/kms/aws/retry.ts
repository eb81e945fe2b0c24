import { setTimeout as sleep } from 'node:timers/promises'
import { KeymgmtError } from '../../errors.js'
import {
  isAmbiguous,
  isInTransition,
  isNotSent,
  isThrottled,
  readFailure,
  translate,
  type AwsFailure,
  type CallContext,
} from './errors.js'
import type { Pacer } from './rate-limiter.js'

/** How long AWS's eventual consistency is waited out for a KMS key that was made a moment ago. */
const CONSISTENCY_MS = 120_000
/** How often a request that failed for no fault of ours is sent in all. */
const ATTEMPTS = 5
/** A wait that a person notices. */
const NOTICEABLE_MS = 500

/** How one call may be repeated. */
export interface CallPolicy {
  /** Never sent again once it may have been carried out. */
  readonly once?: boolean
  /** The KMS key is new: `NotFoundException` means "not yet". */
  readonly fresh?: boolean
}

/** Sends requests of one Region, at the right time and as often as they may be. */
export type Caller = <T>(
  context: CallContext,
  send: (signal: AbortSignal) => Promise<T>,
  policy?: CallPolicy,
) => Promise<T>

/** What the callers of one provider share. */
export interface CallerOptions {
  /**
   * Ends every call and every wait. A `KeymgmtError` as its reason says why; otherwise it is an
   * interruption. Nothing else bounds how long throttling is waited out.
   */
  readonly signal: AbortSignal
  /** Told of a wait that a person would notice. */
  readonly onWait?: (message: string) => void
}

/**
 * A {@link Caller}: waits for the pacer, waits out throttling and eventual consistency, repeats
 * what AWS failed at by itself, and translates every other error.
 */
export function createCaller(pacer: Pacer, { signal, onWait }: CallerOptions): Caller {
  const pause = async (ms: number, context: CallContext, why: string): Promise<void> => {
    if (ms >= NOTICEABLE_MS)
      onWait?.(
        `${context.operation} in ${context.region}: waiting ${(ms / 1000).toFixed(1)} s ${why}`,
      )
    if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) throw stopped(signal, context)
  }
  return async (context, send, policy = {}) => {
    const started = performance.now()
    for (let attempt = 1; ; attempt++) {
      await pause(pacer.reserve(context.operation), context, "for AWS's quota")
      try {
        const reply = await send(signal)
        pacer.accepted(context.operation)
        return reply
      } catch (error) {
        if (signal.aborted)
          throw policy.once === true
            ? ambiguous(stopped(signal, context), error)
            : stopped(signal, context)
        const failure = readFailure(error)
        if (isThrottled(failure)) pacer.throttled(context.operation)
        const delay = repeatAfter(failure, policy, attempt, performance.now() - started)
        if (delay === undefined) throw finalError(error, failure, context, policy)
        await pause(
          delay,
          context,
          isThrottled(failure) ? 'for AWS, which is throttling' : `after ${failure.name}`,
        )
      }
    }
  }
}

/** Milliseconds until the request may be sent again, or undefined when it may not. */
function repeatAfter(
  failure: AwsFailure,
  policy: CallPolicy,
  attempt: number,
  waited: number,
): number | undefined {
  const backoff = Math.min(50 * 2 ** (attempt - 1), 5_000) * (0.5 + Math.random() / 2)
  if (isThrottled(failure)) return backoff
  if (failure.clockCorrected && attempt === 1) return 0
  const settling =
    isInTransition(failure) || (policy.fresh === true && failure.name === 'NotFoundException')
  if (settling) return waited < CONSISTENCY_MS ? backoff : undefined
  if (isNotSent(failure)) return attempt < 3 ? backoff : undefined
  if (isAmbiguous(failure) && policy.once !== true) return attempt < ATTEMPTS ? backoff : undefined
  return undefined
}

function finalError(
  error: unknown,
  failure: AwsFailure,
  context: CallContext,
  policy: CallPolicy,
): KeymgmtError {
  const translated = translate(error, context)
  return policy.once === true && isAmbiguous(failure) ? ambiguous(translated, error) : translated
}

function ambiguous({ message, requestId }: KeymgmtError, cause: unknown): KeymgmtError {
  return new KeymgmtError('KMS_AMBIGUOUS', message, {
    hints: [
      'it is not known whether AWS did it; run the same command again, which looks before it goes on',
    ],
    requestId,
    cause,
  })
}

function stopped(signal: AbortSignal, { operation, region }: CallContext): KeymgmtError {
  const reason =
    signal.reason instanceof KeymgmtError
      ? signal.reason
      : new KeymgmtError('INTERRUPTED', 'interrupted')
  return new KeymgmtError(reason.code, `${reason.message}, at ${operation} in ${region}`, {
    hints: [...reason.hints, 'run the same command again to go on from here'],
  })
}
