import { isDropped } from './dropped-regions.js'
import { uncertainAlias, withPossibleDeletion } from './kms-keys.js'
import {
  without,
  type CreatedKmsKey,
  type DistributionRecord,
  type DistributionState,
  type KeyRecord,
  type MaterialEntry,
} from './model.js'
import { isStoredVersion } from './stored-versions.js'
import { isTrimmed } from './trimmed.js'

/**
 * PURE: returns the record of a distribution whose removal or revocation is reversed. Assumes that
 * every call whose reply was lost was carried out. If it was not, the reverse does no harm:
 * cancelling a deletion that was not scheduled, importing the same material and creating the same
 * alias change nothing. The KMS keys of trimmed versions and in dropped Regions stay as they are:
 * they are not brought back.
 */
export function activated(record: DistributionRecord, key: KeyRecord): DistributionRecord {
  const isKept = ({ version, region }: CreatedKmsKey) =>
    record.state === 'removed' && (isTrimmed(key, record, version) || isDropped(record, region))
  return {
    ...without(record, 'removalWindow'),
    state: 'active',
    kmsKeys: record.kmsKeys.map((entry) =>
      entry.state === 'created' && !isKept(entry) ? TAKEN[record.state](entry, key) : entry,
    ),
    aliases: record.state === 'removed' ? record.aliases.map(uncertainAlias) : record.aliases,
  }
}

/**
 * The entry of a KMS key after everything that a command leading to this state may have done to it.
 */
const TAKEN: Readonly<
  Record<DistributionState, (entry: CreatedKmsKey, key: KeyRecord) => CreatedKmsKey>
> = {
  active: (entry) => entry,
  revoked: withoutStored,
  removed: withPossibleDeletion,
}

/**
 * A revocation deletes the material that is in the store, and disables a KMS key that has none of
 * it.
 */
function withoutStored(entry: CreatedKmsKey, key: KeyRecord): CreatedKmsKey {
  const isStored = ({ version }: MaterialEntry) => isStoredVersion(key, version)
  const materials = entry.materials.map((material) =>
    isStored(material) ? { ...material, imported: false } : material,
  )
  if (materials.some(isStored)) return { ...without(entry, 'enabled'), materials }
  return entry.enabled === undefined ? entry : { ...entry, enabled: false }
}
