import { isDropped } from './dropped-regions.js'
import { uncertainAlias, withImported, withPossibleDeletion } from './kms-keys.js'
import {
  without,
  type CreatedKmsKey,
  type DistributionRecord,
  type DistributionState,
  type KeyRecord,
} from './model.js'
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
      entry.state === 'created' && !isKept(entry) ? TAKEN[record.state](entry) : entry,
    ),
    aliases: record.state === 'removed' ? record.aliases.map(uncertainAlias) : record.aliases,
  }
}

/**
 * The entry of a KMS key after everything that a command leading to this state may have done to it.
 */
const TAKEN: Readonly<Record<DistributionState, (entry: CreatedKmsKey) => CreatedKmsKey>> = {
  active: (entry) => entry,
  revoked: (entry) => withImported(without(entry, 'enabled'), false),
  removed: withPossibleDeletion,
}
