import type { DistributionRecord } from './model.js'

/** Returns the command that drops a Region without replicas. */
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

/** Returns the record with these Regions, which are no longer dropped. */
export function withRegions(
  record: DistributionRecord,
  regions: readonly string[],
): DistributionRecord {
  const { droppedRegions = [], ...kept } = record
  const dropped = droppedRegions.filter((region) => !regions.includes(region))
  return { ...kept, regions, ...(dropped.length > 0 && { droppedRegions: dropped }) }
}
