import { KeymgmtError } from '../../errors.js'
import type { KeyRecord } from './model.js'

/** The shortest rotation period in seconds, as in Vault's transit engine (`auto_rotate_period`). */
const SHORTEST_SECONDS = 3600

/**
 * Returns a rotation period in seconds, where 0 means none.
 * @throws KeymgmtError FIELD_INVALID if it is shorter than an hour.
 */
export function checkRotationPeriod(seconds: number): number {
  if (seconds === 0 || seconds >= SHORTEST_SECONDS) return seconds
  throw new KeymgmtError('FIELD_INVALID', 'rotation_period is shorter than 1h', {
    hints: ['use 1h or more, such as 90d, or 0 for none'],
  })
}

/**
 * PURE: returns the time at which the newest version reaches the rotation period; undefined if the
 * key has no period.
 */
export function nextRotation(key: KeyRecord): Date | undefined {
  const { rotationPeriod = 0, versions, pendingVersion, latestVersion } = key
  const created = versions[pendingVersion ?? latestVersion]?.creationTime
  return rotationPeriod === 0 || created === undefined
    ? undefined
    : new Date(Date.parse(created) + rotationPeriod * 1000)
}

/** PURE: true if the newest version is as old as the rotation period, or older. */
export function isOverAge(key: KeyRecord, now: Date): boolean {
  const due = nextRotation(key)
  return due !== undefined && due <= now
}
