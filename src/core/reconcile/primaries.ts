import { createdKmsKeyAt, primaryRegion } from '../records/kms-keys.js'
import type { DistributionRecord } from '../records/model.js'
import { withPrimary } from '../records/primary-regions.js'
import type { ObservedKmsKey } from './observe.js'

/** The primary of one version, which somebody moved to another Region. */
export interface MovedPrimary {
  readonly version: number
  /** The id of the KMS key, in every Region. */
  readonly id: string
  /** The Region on record. */
  readonly from: string
  /** The Region in AWS. */
  readonly to: string
}

/** PURE: the primaries that AWS has in another Region than the record. */
export function movedPrimaries(
  record: DistributionRecord,
  kmsKeys: readonly ObservedKmsKey[],
): MovedPrimary[] {
  const versions = new Set(record.kmsKeys.map(({ version }) => version))
  return [...versions].flatMap((version) => {
    const from = primaryRegion(record, version)
    const observed = kmsKeys.filter(({ entry }) => entry.version === version)
    const to = actualPrimary(observed)
    const id = observed.flatMap(({ status }) => status?.key.id ?? [])[0]
    return id === undefined || to === undefined || to === from ? [] : [{ version, id, from, to }]
  })
}

/** While AWS moves a primary, its Regions differ: the primary itself is right. */
function actualPrimary(observed: readonly ObservedKmsKey[]): string | undefined {
  const claims = observed.flatMap(({ entry, status }) =>
    status?.multiRegion ? [{ from: entry.region, primary: status.multiRegion.primary }] : [],
  )
  return (claims.find(({ from, primary }) => from === primary) ?? claims[0])?.primary
}

/**
 * PURE: true if `repair` can accept it: keymgmt replicates only from KMS keys on record, and not
 * from a dropped Region.
 */
export function isAcceptable(
  record: DistributionRecord,
  { version, to }: Pick<MovedPrimary, 'version' | 'to'>,
): boolean {
  return record.regions.includes(to) && createdKmsKeyAt(record, version, to) !== undefined
}

/**
 * PURE: the record with the primaries where AWS has them. No plan moves an accepted primary back to
 * the Region that the user chose.
 */
export function withMovedPrimaries(
  record: DistributionRecord,
  moved: readonly MovedPrimary[],
): DistributionRecord {
  const { primaryRegion: chosen } = record
  return moved
    .filter((each) => isAcceptable(record, each))
    .reduce((current, { version, to }) => {
      const isChosen = chosen === undefined || to === chosen
      return withAccepted(withPrimary(current, version, to), version, !isChosen)
    }, record)
}

/** Returns the record with or without the version among those whose primary is not moved. */
function withAccepted(
  record: DistributionRecord,
  version: number,
  isAccepted: boolean,
): DistributionRecord {
  const { acceptedPrimaries = [], ...rest } = record
  const others = acceptedPrimaries.filter((other) => other !== version)
  const accepted = isAccepted ? [...others, version] : others
  return { ...rest, ...(accepted.length > 0 && { acceptedPrimaries: accepted }) }
}

/** The next step for a primary that can't be accepted where it is. */
export function moveBackAdvice({ id, from, to }: MovedPrimary): string {
  return `move it back: aws kms update-primary-region --region ${to} --key-id ${id} --primary-region ${from}`
}
