/**
 * AWS's request quotas of the operations used here, in requests a second for each account and
 * Region.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
 */
const REQUESTS_PER_SECOND: Readonly<Record<string, number>> = {
  CreateKey: 5,
  GetParametersForImport: 1,
  ImportKeyMaterial: 15,
  CreateAlias: 5,
  UpdateAlias: 5,
  DeleteAlias: 15,
  EnableKey: 5,
  DisableKey: 5,
  ScheduleKeyDeletion: 15,
  CancelKeyDeletion: 5,
  DeleteImportedKeyMaterial: 15,
  TagResource: 10,
  DescribeKey: 2000,
  GetPublicKey: 2000,
  GenerateMac: 1000,
  // A replica costs two CreateKey requests, of which there are five, in the Region that it is made
  // in.
  ReplicateKey: 2,
  ListResourceTags: 2000,
  ListAliases: 500,
  ListKeys: 500,
}

/** A little slower than the quota: requests that leave a second apart do not arrive so. */
const MARGIN = 1.02
const SLOWEST_MS = 10_000

/** Keeps the requests of one operation in one Region apart. */
interface Lane {
  readonly quotaMs: number
  intervalMs: number
  paced: boolean
  nextAt: number
  /** When it was last slowed down, or first paced. */
  slowedAt: number
}

/** When requests may go out. */
export interface Pacer {
  /** Milliseconds to wait before the next request of `operation`; the place is taken by asking. */
  reserve(operation: string): number
  /**
   * Notes that AWS throttled `operation`: from now on it is paced, at the quota or, if it was so
   * already, slower.
   */
  throttled(operation: string): void
  /**
   * Notes that AWS took a request of `operation`: what was slowed down below the quota gets faster
   * again.
   */
  accepted(operation: string): void
}

/**
 * A pacer for one Region. `pacedFromStart` holds AWS's quotas from the first request on; otherwise
 * (a custom endpoint, which may have none) an operation is paced once it has been throttled.
 */
export function createPacer(
  pacedFromStart: boolean,
  nowMs: () => number = () => performance.now(),
): Pacer {
  const lanes = new Map<string, Lane>()
  const laneOf = (operation: string) => {
    let lane = lanes.get(operation)
    if (!lane) {
      const quotaMs = (1000 / (REQUESTS_PER_SECOND[operation] ?? 5)) * MARGIN
      lane = { quotaMs, intervalMs: quotaMs, paced: pacedFromStart, nextAt: 0, slowedAt: -Infinity }
      lanes.set(operation, lane)
    }
    return lane
  }
  return {
    reserve(operation) {
      const lane = laneOf(operation)
      if (!lane.paced) return 0
      const at = Math.max(nowMs(), lane.nextAt)
      lane.nextAt = at + lane.intervalMs
      return at - nowMs()
    },
    throttled(operation) {
      const lane = laneOf(operation)
      const now = nowMs()
      // Requests that were under way together are throttled together: they slow the lane down once,
      // not once each.
      if (now < lane.slowedAt + lane.intervalMs) return
      if (lane.paced) lane.intervalMs = Math.min(lane.intervalMs * 1.25, SLOWEST_MS)
      lane.paced = true
      lane.slowedAt = now
      lane.nextAt = Math.max(lane.nextAt, now + lane.intervalMs)
    },
    accepted(operation) {
      const lane = laneOf(operation)
      lane.intervalMs = Math.max(lane.quotaMs, lane.intervalMs * 0.9)
    },
  }
}
