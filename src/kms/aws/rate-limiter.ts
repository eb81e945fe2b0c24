import { factsOf, type AwsOperation } from './operations.js'

/** A little slower than the quota: requests that leave a second apart do not arrive so. */
const MARGIN = 1.02
const SLOWEST_MS = 10_000

/** Keeps the requests of one operation in one Region apart. */
interface Bucket {
  readonly quotaMs: number
  intervalMs: number
  limited: boolean
  nextAt: number
  /** When it was last slowed down, or first limited. */
  slowedAt: number
}

/** Schedules requests within AWS's quotas. */
export interface RateLimiter {
  /** Milliseconds to wait before the next request of `operation`; takes its place in the queue. */
  acquire(operation: AwsOperation): number
  /**
   * Notes that AWS throttled `operation`: from now on it is limited to the quota or, if it was so
   * already, to less.
   */
  throttled(operation: AwsOperation): void
  /** Notes that AWS took a request of `operation`: below the quota, it gets faster again. */
  accepted(operation: AwsOperation): void
}

/**
 * A rate limiter for one Region. `limitedFromStart` holds AWS's quotas from the first request on;
 * otherwise (an endpoint on this machine, which may have none) an operation is limited once it has
 * been throttled.
 */
export function createRateLimiter(
  limitedFromStart: boolean,
  nowMs: () => number = () => performance.now(),
): RateLimiter {
  const buckets = new Map<AwsOperation, Bucket>()
  const bucketOf = (operation: AwsOperation) => {
    let bucket = buckets.get(operation)
    if (!bucket) {
      const quotaMs = (1000 / factsOf(operation).requestsPerSecond) * MARGIN
      bucket = {
        quotaMs,
        intervalMs: quotaMs,
        limited: limitedFromStart,
        nextAt: 0,
        slowedAt: -Infinity,
      }
      buckets.set(operation, bucket)
    }
    return bucket
  }
  return {
    acquire(operation) {
      const bucket = bucketOf(operation)
      if (!bucket.limited) return 0
      const at = Math.max(nowMs(), bucket.nextAt)
      bucket.nextAt = at + bucket.intervalMs
      return at - nowMs()
    },
    throttled(operation) {
      const bucket = bucketOf(operation)
      const now = nowMs()
      // Requests that were under way together are throttled together: they slow the bucket down
      // once, not once each.
      if (now < bucket.slowedAt + bucket.intervalMs) return
      if (bucket.limited) bucket.intervalMs = Math.min(bucket.intervalMs * 1.25, SLOWEST_MS)
      bucket.limited = true
      bucket.slowedAt = now
      bucket.nextAt = Math.max(bucket.nextAt, now + bucket.intervalMs)
    },
    accepted(operation) {
      const bucket = bucketOf(operation)
      bucket.intervalMs = Math.max(bucket.quotaMs, bucket.intervalMs * 0.9)
    },
  }
}
