import { KeymgmtError, withHints } from '../../errors.js'
import { inParallel } from '../../parallel.js'
import type { Engine } from '../engine.js'
import { openContext } from '../reconcile/context.js'
import { findUnrecordedKmsKeys } from '../reconcile/find-unrecorded.js'
import { takedownError, takedownOf } from '../reconcile/interruption.js'
import { isAcceptable, moveBackAdvice, type MovedPrimary } from '../reconcile/primaries.js'
import { isEnabledVersion, planDropping } from '../reconcile/plan.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { dropCommand, droppedPart, hasReplicas, withDropped } from '../records/dropped-regions.js'
import { createdKmsKeyAt, createdKmsKeys, isInPlace, primaryRegion } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import { primaryCommand } from '../records/primary-regions.js'
import type { CreatedKmsKey, DistributionRecord, KeyRecord } from '../records/model.js'
import { requireDistribution, requireKey, type NamedDistribution } from '../records/repository.js'
import { repairCommand, trimCommand, waysForward } from '../records/takedown.js'
import { isTrimmed } from '../records/trimmed.js'
import { recordCancelledDeletions } from './cancelled-deletions.js'
import { readLastUse } from './last-use.js'
import { scheduledDeletions, type ScheduledDeletion } from './remove.js'

/**
 * Drops a replica Region: removes the alias there, and schedules the replicas for deletion in
 * `days` days (7 to 30; by default, the waiting period of the distribution). `replicate` and later
 * versions skip the Region. First looks for replicas whose creation has no reply on record. {@link
 * restoreDistribution} reverses this until AWS has deleted the replicas. Dropping the Region again
 * only finishes the unfinished work.
 * @returns the scheduled deletions; empty if the Region has no replica.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; KEY_IN_USE if it is the provider's
 * Region, has a primary or was chosen for the primaries; DISTRIBUTION_DIFFERS if a removal or
 * revocation did not finish; STORE_OUTDATED; errors of the KMS, after which the same call resumes
 * the work.
 */
export async function dropRegion(
  engine: Engine,
  providerName: string,
  key: string,
  region: string,
  days?: number,
): Promise<readonly ScheduledDeletion[]> {
  const purpose = `delete keymgmt/kms/${providerName}/key/${key}/replicate/${region}`
  return withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const distribution = await requireDistribution(engine, providerName, key)
    const named = { providerName, distribution }
    assertReplicaRegion(record.current, named, region)
    const takedown = takedownOf(record.current, distribution.current)
    if (takedown) throw takedownError(takedown, providerName, key)
    await findUnrecordedIn(engine, record.current, named, region)
    await assertNoPrimary(engine, record.current, named, region)
    if (!distribution.current.droppedRegions?.includes(region)) {
      await distribution.update((current) => withDropped(current, region))
      engine.outcome({ provider: providerName, region, action: 'drop-region', state: 'done' })
    }
    const replicas = createdKmsKeys(droppedPart(distribution.current, region))
    await recordCancelledDeletions(engine, named, replicas)
    const uses = replicas.length > 0 ? await readLastUse(engine, providerName, replicas) : []
    // Also takes the steps that only this Region blocked.
    await withBothWays(named, key, region, () =>
      reconcileKey(engine, record, [named], {
        planOf: planDropping(region, days),
        isRequested: (step) => step.region === region,
      }),
    )
    return scheduledDeletions(providerName, droppedPart(distribution.current, region), uses)
  })
}

/** @throws the error of `work`, with hints that name both ways forward. */
async function withBothWays(
  { providerName, distribution }: NamedDistribution,
  key: string,
  region: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!hasReplicas(distribution.current, region)) throw error
    throw withHints(error, [
      `to finish the removal: ${dropCommand(providerName, key, region)}`,
      `to reverse it: ${waysForward('removal', providerName, key).restore}`,
    ])
  }
}

/** @throws KeymgmtError KEY_IN_USE, DISTRIBUTION_NOT_FOUND */
function assertReplicaRegion(
  { name, replicaRegions }: KeyRecord,
  { providerName, distribution }: NamedDistribution,
  region: string,
): void {
  const { regions, droppedRegions = [], primaryRegion: primary } = distribution.current
  const [home = ''] = regions
  if (region === home)
    throw new KeymgmtError('KEY_IN_USE', `${region} is the Region of ${providerName} itself`, {
      hints: [removalHint(providerName, name)],
    })
  if (region === primary)
    throw new KeymgmtError(
      'KEY_IN_USE',
      `${region} is the Region that was chosen for the primaries of ${name}`,
      {
        hints: [
          `to choose another one first: ${[...activation(providerName, name, distribution.current), primaryCommand(providerName, name, home)].join('; then ')}`,
          removalHint(providerName, name),
        ],
      },
    )
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

/**
 * Asks AWS, because the record does not show that somebody moved a primary to the Region: AWS would
 * delete it after its replicas.
 * @throws KeymgmtError KEY_IN_USE if there is a primary in the Region; errors of the KMS.
 */
async function assertNoPrimary(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
  region: string,
): Promise<void> {
  const { current } = named.distribution
  const here = createdKmsKeys(current).filter((entry) => entry.region === region)
  if (here.length === 0) return
  const { provider } = await openContext(engine, key, named)
  const found = await inParallel(here, async (entry) => {
    if (primaryRegion(current, entry.version) === region) return [entry]
    const status = await provider.inspect(region, entry.key)
    return status?.multiRegion?.primary === region ? [entry] : []
  })
  const [primary] = found.flat()
  if (primary) throw primaryError(key, named, primary)
}

function primaryError(
  key: KeyRecord,
  named: NamedDistribution,
  { version, region, key: { id } }: CreatedKmsKey,
): KeymgmtError {
  const { providerName, distribution } = named
  const { current } = distribution
  const [home = ''] = current.regions
  const moved = { version, id, from: home, to: region }
  const move = isAcceptable(current, moved)
    ? moveFirst(key, named, moved)
    : `first ${moveBackAdvice(moved)}; then ${repairCommand(providerName, key.name)}`
  return new KeymgmtError(
    'KEY_IN_USE',
    `${region} has the primary of ${key.name} version ${version}, without which AWS has no replicas`,
    { hints: [...(move === undefined ? [] : [move]), removalHint(providerName, key.name)] },
  )
}

/**
 * Returns the commands that move a primary out of a Region: AWS moves only the primary of an
 * enabled KMS key. Undefined if it has no replica elsewhere.
 */
function moveFirst(
  key: KeyRecord,
  { providerName, distribution: { current } }: NamedDistribution,
  { version, to: region }: Pick<MovedPrimary, 'version' | 'to'>,
): string | undefined {
  const target = current.regions.find(
    (each) => each !== region && createdKmsKeyAt(current, version, each) !== undefined,
  )
  if (target === undefined) return undefined
  const path = `keymgmt/key/${key.name}`
  const commands = [
    ...activation(providerName, key.name, current),
    isTrimmed(key, current, version) && trimCommand(key.name, version),
    !isInPlace(current) &&
      !isEnabledVersion(key, version) &&
      `keymgmt write ${path} min_enabled_version=${version}`,
    primaryRegion(current, version) !== region && repairCommand(providerName, key.name),
    primaryCommand(providerName, key.name, target),
  ]
  return `to move it first: ${commands.filter((each) => each !== false).join('; then ')}`
}

/** Returns the command that restores a revoked distribution, so that its primaries can be moved. */
function activation(providerName: string, key: string, { state }: DistributionRecord): string[] {
  return state === 'revoked' ? [waysForward('revocation', providerName, key).restore] : []
}

function removalHint(providerName: string, key: string): string {
  return `to remove the key from all Regions: keymgmt delete keymgmt/kms/${providerName}/key/${key}`
}
