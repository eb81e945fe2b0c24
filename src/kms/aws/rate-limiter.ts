import { factsOf, type AwsOperation } from './operations.js'

/**
 * Slightly slower than the quota, because requests that leave one second apart may arrive closer
 * together.
 */
const MARGIN = 1.02
const SLOWEST_MS = 10_000

/** The allowance of one operation in one Region. */
interface Bucket {
  readonly quotaMs: number
  intervalMs: number
  limited: boolean
  nextAt: number
  /** Time when it was last slowed down, or first limited. */
  slowedAt: number
}

/** Schedules requests within AWS's quotas. */
export interface RateLimiter {
  /**
   * Reserves the next request of `operation`. Returns the milliseconds to wait before it may be
   * sent.
   */
  acquire(operation: AwsOperation): number
  /**
   * Notes that AWS throttled `operation`. From now on it is limited to the quota or, if it already
   * was, to less.
   */
  throttled(operation: AwsOperation): void
  /**
   * Notes that AWS accepted a request of `operation`. If its limit is below the quota, the limit
   * rises again.
   */
  accepted(operation: AwsOperation): void
}

/**
 * Returns a rate limiter for one Region. `limitedFromStart` applies AWS's quotas from the first
 * request. Otherwise (for an endpoint on this machine, which may have no quotas), an operation is
 * limited after it was throttled.
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
      // Concurrent requests are throttled together. Slow the bucket down once for all of them.
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
