import type { DistributionRecord } from './model.js'

/** The command that drops a Region in which nothing was created. */
export function dropCommand(providerName: string, key: string, region: string): string {
  return `keymgmt delete keymgmt/kms/${providerName}/key/${key}/replicate/${region}`
}

/** The command that adds a dropped Region again. */
export function addCommand(providerName: string, key: string, region: string): string {
  return `keymgmt write keymgmt/kms/${providerName}/key/${key}/replicate regions=${region}`
}

/** The versions that have or had a KMS key in the Region. */
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

/** The record without the Region; later versions are not replicated there. */
export function withDropped(record: DistributionRecord, region: string): DistributionRecord {
  return {
    ...record,
    regions: record.regions.filter((other) => other !== region),
    droppedRegions: [...new Set([...(record.droppedRegions ?? []), region])],
  }
}

/** The record with these Regions, which are no longer dropped. */
export function withRegions(
  record: DistributionRecord,
  regions: readonly string[],
): DistributionRecord {
  const { droppedRegions = [], ...kept } = record
  const dropped = droppedRegions.filter((region) => !regions.includes(region))
  return { ...kept, regions, ...(dropped.length > 0 && { droppedRegions: dropped }) }
}
