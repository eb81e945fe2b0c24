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
import type { Pacer } from './pacing.js'

/** How long AWS's eventual consistency is waited out for a KMS key that was made a moment ago. */
const CONSISTENCY_MS = 120_000
/** How often a request that failed for no fault of ours is sent in all. */
const ATTEMPTS = 5

/** How one call may be repeated. */
export interface CallPolicy {
  /** Never sent again once it may have been carried out. */
  readonly once?: boolean
  /** The KMS key is new: `NotFoundException` means "not yet". */
  readonly fresh?: boolean
}

/** Sends requests of one Region, at the right time and as often as they may be. */
export type Caller = <T>(context: CallContext, send: (signal: AbortSignal) => Promise<T>, policy?: CallPolicy) => Promise<T>

/** What the callers of one provider share. */
export interface CallerOptions {
  readonly signal: AbortSignal
  /** How long one call may take, waits included, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * A {@link Caller}: waits for the pacer, waits out throttling and eventual consistency until the deadline, repeats
 * what AWS failed at by itself, and translates every other error.
 */
export function createCaller(pacer: Pacer, { signal, timeoutMs }: CallerOptions): Caller {
  return async (context, send, policy = {}) => {
    const started = performance.now()
    for (let attempt = 1; ; attempt++) {
      await pause(pacer.reserve(context.operation), signal)
      try {
        return await send(signal)
      } catch (error) {
        if (signal.aborted) throw interrupted(context, policy)
        const failure = readFailure(error)
        const waited = performance.now() - started
        const delay = repeatAfter(failure, policy, attempt, waited)
        if (isThrottled(failure)) pacer.throttled(context.operation)
        if (delay === undefined || waited + delay > timeoutMs) throw finalError(error, failure, context, policy)
        await pause(delay, signal)
      }
    }
  }
}

/** Milliseconds until the request may be sent again, or undefined when it may not. */
function repeatAfter(failure: AwsFailure, policy: CallPolicy, attempt: number, waited: number): number | undefined {
  const backoff = Math.min(50 * 2 ** (attempt - 1), 5_000) * (0.5 + Math.random() / 2)
  if (isThrottled(failure)) return backoff
  const settling = isInTransition(failure) || (policy.fresh === true && failure.name === 'NotFoundException')
  if (settling) return waited < CONSISTENCY_MS ? backoff : undefined
  if (isNotSent(failure)) return attempt < 3 ? backoff : undefined
  if (isAmbiguous(failure) && policy.once !== true) return attempt < ATTEMPTS ? backoff : undefined
  return undefined
}

function finalError(error: unknown, failure: AwsFailure, context: CallContext, policy: CallPolicy): KeymgmtError {
  const translated = translate(error, context)
  if (policy.once !== true || !isAmbiguous(failure)) return translated
  return new KeymgmtError('KMS_AMBIGUOUS', translated.message, {
    hints: ['it is not known whether AWS did it; run the same command again, which looks before it goes on'],
    requestId: translated.requestId,
    cause: error,
  })
}

function interrupted(context: CallContext, policy: CallPolicy): KeymgmtError {
  return new KeymgmtError('INTERRUPTED', `interrupted during ${context.operation} in ${context.region}`, {
    hints: policy.once === true
      ? ['run the same command again: it looks for what AWS may have made, and goes on']
      : ['run the same command again to go on from here'],
  })
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 && !signal.aborted) return
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    throw new KeymgmtError('INTERRUPTED', 'interrupted while waiting for AWS', {
      hints: ['run the same command again to go on from here'],
    })
  }
}
