import { KeymgmtError } from '../../errors.js'
import { isInPlace } from './kms-keys.js'
import type { DistributionRecord, KeyRecord } from './model.js'
import { trimCommand } from './takedown.js'

/** True unless the version is trimmed. */
export function isAvailableVersion(
  { minAvailableVersion = 0 }: Pick<KeyRecord, 'minAvailableVersion'>,
  version: number,
): boolean {
  return version >= minAvailableVersion
}

/**
 * True if the version is trimmed and has a separate KMS key. With rotation in place, one KMS key
 * has all versions.
 */
export function isTrimmed(
  key: Pick<KeyRecord, 'minAvailableVersion'>,
  distribution: Pick<DistributionRecord, 'rotation'>,
  version: number,
): boolean {
  return !isInPlace(distribution) && !isAvailableVersion(key, version)
}

/** @throws KeymgmtError FIELD_INVALID if the version is trimmed. */
export function assertUntrimmed(key: KeyRecord, version: number): void {
  if (version < 1 || isAvailableVersion(key, version)) return
  throw new KeymgmtError('FIELD_INVALID', `version ${version} of ${key.name} is trimmed`, {
    hints: [`first make it available again: ${trimCommand(key.name, version)}`],
  })
}

/** Returns the record without the KMS keys of trimmed versions. */
export function withoutTrimmed(
  key: Pick<KeyRecord, 'minAvailableVersion'>,
  distribution: DistributionRecord,
): DistributionRecord {
  const kmsKeys = distribution.kmsKeys.filter(
    ({ version }) => !isTrimmed(key, distribution, version),
  )
  return { ...distribution, kmsKeys }
}
