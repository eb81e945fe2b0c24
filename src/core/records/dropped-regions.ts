import { aliasAt, createdKmsKeys, withPossibleDeletion } from './kms-keys.js'
import type { AliasEntry, DistributionRecord, KeyRecord } from './model.js'
import { isTrimmed } from './trimmed.js'

/** Returns the command that drops a Region. */
export function dropCommand(providerName: string, key: string, region: string): string {
  return `keymgmt delete keymgmt/kms/${providerName}/key/${key}/replicate/${region}`
}

/** Returns the command that adds a dropped Region again. */
export function addCommand(providerName: string, key: string, region: string): string {
  return `keymgmt write keymgmt/kms/${providerName}/key/${key}/replicate regions=${region}`
}

/** Returns the versions that have or had a KMS key in the Region. */
export function versionsIn({ kmsKeys }: DistributionRecord, region: string): number[] {
  return kmsKeys
    .filter((entry) => entry.region === region && entry.state !== 'creating')
    .map(({ version }) => version)
}

/** True if a KMS key or an alias of the distribution is or was in the Region. */
export function hasReplicas(record: DistributionRecord, region: string): boolean {
  return (
    versionsIn(record, region).length > 0 || record.aliases.some((alias) => alias.region === region)
  )
}

/** Returns the record without the Region. Later versions are not replicated there. */
export function withDropped(record: DistributionRecord, region: string): DistributionRecord {
  return {
    ...record,
    regions: record.regions.filter((other) => other !== region),
    droppedRegions: [...new Set([...(record.droppedRegions ?? []), region])],
  }
}

/**
 * PURE: returns the distribution without the KMS keys and aliases of Regions that the user dropped.
 */
export function keptPart(distribution: DistributionRecord): DistributionRecord {
  return inRegions(distribution, (region) => !isDropped(distribution, region))
}

/** PURE: returns the distribution with only the KMS keys and aliases of this dropped Region. */
export function droppedPart(distribution: DistributionRecord, dropped: string): DistributionRecord {
  return inRegions(distribution, (region) => region === dropped && isDropped(distribution, region))
}

function inRegions(
  distribution: DistributionRecord,
  includes: (region: string) => boolean,
): DistributionRecord {
  const { kmsKeys, aliases } = distribution
  return {
    ...distribution,
    kmsKeys: kmsKeys.filter(({ region }) => includes(region)),
    aliases: aliases.filter(({ region }) => includes(region)),
  }
}

/** True if the user dropped the Region from the distribution. */
export function isDropped({ regions }: DistributionRecord, region: string): boolean {
  return !regions.includes(region)
}

/**
 * Returns the dropped Regions whose replicas AWS still has, according to the record. `restore`
 * brings them back.
 */
export function restorableRegions(record: DistributionRecord, now: Date): string[] {
  const kept = createdKmsKeys(record)
    .filter(({ region }) => isDropped(record, region))
    .filter(({ deletion }) => deletion?.date === undefined || new Date(deletion.date) > now)
  return [...new Set(kept.map(({ region }) => region))]
}

/** Returns the record without the KMS keys in these Regions, which AWS has deleted. */
export function withoutKmsKeysIn(
  record: DistributionRecord,
  regions: readonly string[],
): DistributionRecord {
  return {
    ...record,
    kmsKeys: record.kmsKeys.filter(
      ({ region, state }) => state === 'creating' || !regions.includes(region),
    ),
  }
}

/**
 * Returns the record with these dropped Regions again. Their aliases were ours, and somebody may
 * have created one of that name meanwhile: `repair` moves it back. Assumes that the deletion of
 * every replica there was scheduled, also if the reply was lost: cancelling it does no harm. The
 * KMS keys of trimmed versions stay as they are.
 */
export function withRestored(
  record: DistributionRecord,
  regions: readonly string[],
  key: KeyRecord,
): DistributionRecord {
  const [home] = record.regions
  const names = record.aliases.filter(({ region }) => region === home).map(({ name }) => name)
  const aliases = regions.flatMap((region) =>
    names
      .filter((name) => !aliasAt(record, region, name))
      .map((name): AliasEntry => ({ region, name, state: 'uncertain' })),
  )
  const restored = withRegions(record, [...record.regions, ...regions])
  return {
    ...restored,
    kmsKeys: record.kmsKeys.map((entry) =>
      regions.includes(entry.region) && !isTrimmed(key, record, entry.version)
        ? withPossibleDeletion(entry)
        : entry,
    ),
    aliases: [...record.aliases, ...aliases],
  }
}

/** Returns the record with these Regions, which are no longer dropped. */
export function withRegions(
  record: DistributionRecord,
  regions: readonly string[],
): DistributionRecord {
  const { droppedRegions = [], ...kept } = record
  const dropped = droppedRegions.filter((region) => !regions.includes(region))
  return { ...kept, regions, ...(dropped.length > 0 && { droppedRegions: dropped }) }
}
