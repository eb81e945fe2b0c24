import { setMaxListeners } from 'node:events'

/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Returns a function that returns the signal for all work, which aborts with `signal` or at the
 * time limit. The timer starts when the signal is first needed, because most commands wait for
 * nothing.
 */
export function signalWithin(
  signal: AbortSignal,
  timeoutMs: number | undefined,
  timeoutError: () => Error,
): () => AbortSignal {
  const end = timeoutMs === undefined ? undefined : Date.now() + timeoutMs
  let combined: AbortSignal | undefined
  return () => {
    if (combined) return combined
    const sources = end === undefined ? [signal] : [signal, signalAt(end, timeoutError)]
    combined = AbortSignal.any(sources)
    // Each request under way adds a listener, and Node.js warns of more than ten.
    setMaxListeners(0, combined)
    return combined
  }
}

/** Returns a signal that aborts at `end`. Its timer does not keep the process running. */
function signalAt(end: number, reason: () => Error): AbortSignal {
  const deadline = new AbortController()
  const wait = Math.min(Math.max(0, end - Date.now()), MAX_TIMER_MS)
  setTimeout(() => {
    deadline.abort(reason())
  }, wait).unref()
  return deadline.signal
}
