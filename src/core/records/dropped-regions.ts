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
export function versionsIn({ kms_keys }: DistributionRecord, region: string): number[] {
  return kms_keys
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
    dropped_regions: [...new Set([...(record.dropped_regions ?? []), region])],
  }
}

/** The record with these Regions, which are no longer dropped. */
export function withRegions(
  record: DistributionRecord,
  regions: readonly string[],
): DistributionRecord {
  const { dropped_regions = [], ...kept } = record
  const dropped = dropped_regions.filter((region) => !regions.includes(region))
  return { ...kept, regions, ...(dropped.length > 0 && { dropped_regions: dropped }) }
}
