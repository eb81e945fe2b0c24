import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { restorableRegions } from '../records/dropped-regions.js'
import { lastDeletion } from '../records/kms-keys.js'
import type { KeyRecord } from '../records/model.js'
import type { NamedDistribution } from '../records/repository.js'
import { waysForward } from '../records/takedown.js'

function noReplicaRegionsError({ name, type }: KeyRecord): KeymgmtError {
  return new KeymgmtError('NO_REPLICA_REGIONS', `key ${name} does not have replica_regions`, {
    hints: [
      `replica_regions can be set only when a key is created; to create another key: keymgmt write keymgmt/key/${name}-2 type=${type} replica_regions=us-east-1,eu-west-1`,
    ],
  })
}

/** @throws KeymgmtError NO_REPLICA_REGIONS if the only replica Region is the provider's own. */
export function assertOtherRegion(
  { name, replicaRegions }: KeyRecord,
  providerName: string,
  home: string,
): void {
  if (replicaRegions.some((region) => region !== home)) return
  throw new KeymgmtError(
    'NO_REPLICA_REGIONS',
    `the only replica Region of ${name} is ${home}, the Region of ${providerName} itself`,
    {
      hints: [
        'distribute it to a provider in another Region, or create a key with other replica_regions',
      ],
    },
  )
}

/**
 * @throws KeymgmtError NO_REPLICA_REGIONS if the key has none, FIELD_INVALID if one of `added` is
 * not among them.
 */
export function assertReplicaRegions(key: KeyRecord, added: readonly string[] = []): void {
  const { name, replicaRegions } = key
  if (replicaRegions.length === 0) throw noReplicaRegionsError(key)
  const other = added.find((region) => !replicaRegions.includes(region))
  if (other !== undefined)
    throw new KeymgmtError(
      'FIELD_INVALID',
      `${other} is not one of the replica_regions of ${name}`,
      {
        hints: [`its replica_regions are ${replicaRegions.join(', ')}`],
      },
    )
}

/** @throws KeymgmtError DISTRIBUTION_DIFFERS if AWS still has replicas in one of the Regions. */
export function assertDeleted(
  { now }: Engine,
  { name }: KeyRecord,
  { providerName, distribution: { current } }: NamedDistribution,
  regions: readonly string[],
): void {
  const restorable = restorableRegions(current, now())
  const region = regions.find((each) => restorable.includes(each))
  if (region === undefined) return
  const date = lastDeletion({ kmsKeys: current.kmsKeys.filter((each) => each.region === region) })
  const until = date === undefined ? '' : ` until ${date}`
  throw new KeymgmtError(
    'DISTRIBUTION_DIFFERS',
    `${region} was dropped, and AWS still has the replicas of ${name} there${until}`,
    {
      hints: [`to bring them back: ${waysForward('removal', providerName, name).restore}`],
    },
  )
}
