import { createdKmsKeys, isInPlace, primaryRegion } from './kms-keys.js'
import { without, type CreatedKmsKey, type DistributionRecord } from './model.js'

/** Returns the command that moves the primaries to a Region. */
export function primaryCommand(providerName: string, key: string, region: string): string {
  return `keymgmt write keymgmt/kms/${providerName}/key/${key}/primary region=${region}`
}

/** Returns the Region of the primaries of later versions, and of all that nobody else moved. */
export function chosenPrimary({
  primaryRegion: chosen,
  regions,
}: Pick<DistributionRecord, 'primaryRegion' | 'regions'>): string {
  return chosen ?? regions[0] ?? ''
}

/** PURE: returns the record with the primary of this version in the Region. */
export function withPrimary(
  record: DistributionRecord,
  version: number,
  region: string,
): DistributionRecord {
  const { primaryRegions = {}, ...rest } = record
  const others = isInPlace(record) ? {} : without(primaryRegions, String(version))
  const moved = region === record.regions[0] ? others : { ...others, [version]: region }
  return { ...rest, ...(Object.keys(moved).length > 0 && { primaryRegions: moved }) }
}

/** PURE: returns the record with this choice of the user, which applies to all primaries. */
export function withChosenPrimary(record: DistributionRecord, region: string): DistributionRecord {
  return { ...without(record, 'acceptedPrimaries'), primaryRegion: region }
}

/** A primary that is not in the Region that the user chose. */
export interface MisplacedPrimary {
  readonly entry: CreatedKmsKey
  /** The Region that the user chose. */
  readonly to: string
}

/** PURE: returns the primaries that are to be moved, on record in another Region. */
export function misplacedPrimaries(record: DistributionRecord): MisplacedPrimary[] {
  const { primaryRegion: to, acceptedPrimaries = [] } = record
  if (to === undefined) return []
  return createdKmsKeys(record)
    .filter(({ version, region }) => region === primaryRegion(record, version) && region !== to)
    .filter(({ version }) => !acceptedPrimaries.includes(version))
    .map((entry) => ({ entry, to }))
}
