import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { openContext } from '../reconcile/context.js'
import { findUnrecordedKmsKeys } from '../reconcile/create.js'
import { takedownError, takedownOf } from '../reconcile/interruption.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { addCommand, hasReplicas, versionsIn, withDropped } from '../records/dropped-regions.js'
import { withKeyLock } from '../records/locks.js'
import type { KeyRecord } from '../records/model.js'
import { requireDistribution, requireKey, type NamedDistribution } from '../records/repository.js'

/**
 * Drops a Region in which the distribution has nothing: `replicate` and later versions skip it.
 * First looks for KMS keys whose creation has no reply on record. Dropping it again changes
 * nothing.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; KEY_IN_USE if the Region has
 * replicas; DISTRIBUTION_DIFFERS if a removal or revocation did not finish; errors of the KMS.
 */
export async function dropRegion(
  engine: Engine,
  providerName: string,
  key: string,
  region: string,
): Promise<void> {
  const purpose = `delete keymgmt/kms/${providerName}/key/${key}/replicate/${region}`
  await withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const distribution = await requireDistribution(engine, providerName, key)
    const named = { providerName, distribution }
    assertReplicaRegion(record.current, named, region)
    const takedown = takedownOf(record.current, distribution.current)
    if (takedown) throw takedownError(takedown, providerName, key)
    await findUnrecordedIn(engine, record.current, named, region)
    assertEmpty(record.current, named, region)
    if (!distribution.current.droppedRegions?.includes(region)) {
      await distribution.update((current) => withDropped(current, region))
      engine.outcome({ provider: providerName, region, action: 'drop-region', state: 'done' })
    }
    // Take the steps that only this Region blocked.
    await reconcileKey(engine, record, [named], { isRequested: () => false })
  })
}

/** @throws KeymgmtError KEY_IN_USE, DISTRIBUTION_NOT_FOUND */
function assertReplicaRegion(
  { name, replicaRegions }: KeyRecord,
  { providerName, distribution }: NamedDistribution,
  region: string,
): void {
  const { regions, droppedRegions = [] } = distribution.current
  if (region === regions[0])
    throw new KeymgmtError('KEY_IN_USE', `${region} is the Region of ${providerName} itself`, {
      hints: [removalHint(providerName, name)],
    })
  if ([...replicaRegions, ...regions, ...droppedRegions].includes(region)) return
  throw new KeymgmtError(
    'DISTRIBUTION_NOT_FOUND',
    `${region} is not one of the replica_regions of ${name}`,
    { hints: [`its replica_regions are ${replicaRegions.join(', ') || 'not set'}`] },
  )
}

/**
 * Looks for the replicas whose creation has no reply on record. Sends nothing to AWS if there are
 * none.
 */
async function findUnrecordedIn(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
  region: string,
): Promise<void> {
  const isUnrecorded = (entry: { readonly region: string; readonly state?: string }) =>
    entry.region === region && entry.state === 'creating'
  if (!named.distribution.current.kmsKeys.some(isUnrecorded)) return
  await findUnrecordedKmsKeys(await openContext(engine, key, named), isUnrecorded)
}

/** @throws KeymgmtError KEY_IN_USE */
function assertEmpty(
  { name }: KeyRecord,
  { providerName, distribution }: NamedDistribution,
  region: string,
): void {
  if (!hasReplicas(distribution.current, region)) return
  const versions = versionsIn(distribution.current, region)
  throw new KeymgmtError(
    'KEY_IN_USE',
    `${name} has replicas in ${region}: version ${versions.join(', ')}`,
    {
      hints: [
        'only a Region without replicas can be dropped; nothing was changed',
        removalHint(providerName, name),
      ],
    },
  )
}

function removalHint(providerName: string, key: string): string {
  return `to remove the key from all Regions: keymgmt delete keymgmt/kms/${providerName}/key/${key}`
}

/** Reports the Regions that the command skips because the user dropped them. */
export function reportDropped(
  engine: Engine,
  key: string,
  { providerName, distribution }: NamedDistribution,
): void {
  for (const region of distribution.current.droppedRegions ?? []) {
    const wayOut = addCommand(providerName, key, region)
    engine.notice(`Skipped ${region}, which was dropped. To add it again: ${wayOut}`)
    const reason = 'the Region was dropped'
    engine.outcome({
      provider: providerName,
      region,
      action: 'replicate',
      state: 'skipped',
      reason,
      wayOut,
    })
  }
}
