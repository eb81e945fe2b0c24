import type { Key } from './state.js'

/**
 * AWS began to record the use of KMS keys on this date.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/monitoring-keys-determining-usage.html
 */
const TRACKING_SINCE = new Date('2026-04-23T00:00:00Z')
const DAY_MS = 86_400_000

/** The date from which the use of a key is recorded. */
export function trackingStart({ created }: Key): Date {
  return created > TRACKING_SINCE ? created : TRACKING_SINCE
}

/**
 * Whole days since the last recorded use of a key or, if it has none, since the recording began.
 */
export function daysWithoutUse(now: Date, key: Key): number {
  const since = key.lastUsage?.at ?? trackingStart(key)
  return Math.floor((now.getTime() - since.getTime()) / DAY_MS)
}
