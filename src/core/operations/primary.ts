import { KeymgmtError } from '../../errors.js'
import { inParallel } from '../../parallel.js'
import type { Engine } from '../engine.js'
import { openContext, type ReconcileContext } from '../reconcile/context.js'
import { isEnabledVersion } from '../reconcile/plan.js'
import { isAcceptable } from '../reconcile/primaries.js'
import { reconcileOne } from '../reconcile/reconcile.js'
import { resumableDistributions } from '../reconcile/resume.js'
import { unlessUnanswered } from '../reconcile/unanswered.js'
import { addCommand } from '../records/dropped-regions.js'
import { createdKmsKeys, isInPlace, primaryRegion } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import type { KeyRecord } from '../records/model.js'
import { withChosenPrimary, withPrimary } from '../records/primary-regions.js'
import { requireDistribution, requireKey, type NamedDistribution } from '../records/repository.js'
import { assertActive } from './present-distribution.js'
import { assertDeleted, assertReplicaRegions } from './replica-regions.js'
import { reportSkippedMoves } from './report-skipped.js'

/**
 * Moves the primary of every version to a Region of the distribution, also where somebody else
 * moved it. Later versions are created in the provider's Region, and moved after their replication.
 * The primary of a disabled version is moved when the version is enabled.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; NO_REPLICA_REGIONS if the key has
 * none; FIELD_INVALID if the key is not replicated to the Region; DISTRIBUTION_DIFFERS if the
 * Region was dropped and AWS still has its replicas, if the distribution is revoked, or if its
 * removal did not finish; errors of the KMS, after which the same call resumes the work.
 */
export async function setPrimary(
  engine: Engine,
  providerName: string,
  key: string,
  region: string,
): Promise<void> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/primary`
  await withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    assertReplicaRegions(record.current)
    const distribution = await requireDistribution(engine, providerName, key)
    const named = { providerName, distribution }
    assertActive(record.current, providerName, distribution.current)
    assertRegionOf(engine, record.current, named, region)
    const others = await resumableDistributions(engine, record.current, providerName)
    const { primaryRegion, acceptedPrimaries } = distribution.current
    if (primaryRegion !== region || acceptedPrimaries !== undefined)
      await distribution.update((current) => withChosenPrimary(current, region))
    await recordMovedPrimaries(await openContext(engine, record.current, named))
    reportSkippedMoves(engine, record.current, named)
    await reconcileOne(engine, record, named, others)
  })
}

/**
 * Records where the primaries are in AWS: somebody else may have moved one. Leaves disabled
 * versions out, which are not moved. If AWS can't be asked, the record stays unchanged.
 */
async function recordMovedPrimaries({
  key,
  provider,
  distribution,
}: ReconcileContext): Promise<void> {
  const { current } = distribution
  const primaries = createdKmsKeys(current)
    .filter(({ version, region }) => region === primaryRegion(current, version))
    .filter(({ version }) => isInPlace(current) || isEnabledVersion(key, version))
  const observed = await inParallel(primaries, async ({ version, region, key: kmsKey }) => {
    const status = await provider.inspect(region, kmsKey).catch((error: unknown) => {
      unlessUnanswered(error)
      return undefined
    })
    return { version, to: status?.multiRegion?.primary ?? region }
  })
  const moved = observed.filter(
    ({ version, to }) =>
      to !== primaryRegion(current, version) && isAcceptable(current, { version, to }),
  )
  if (moved.length === 0) return
  await distribution.update((latest) =>
    moved.reduce((record, { version, to }) => withPrimary(record, version, to), latest),
  )
}

/** @throws KeymgmtError DISTRIBUTION_DIFFERS, FIELD_INVALID */
function assertRegionOf(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
  region: string,
): void {
  const { providerName, distribution } = named
  const { regions } = distribution.current
  if (regions.includes(region)) return
  assertDeleted(engine, key, named, [region])
  throw new KeymgmtError(
    'FIELD_INVALID',
    `${key.name} is not replicated to ${region} in ${providerName}`,
    {
      hints: [
        `its Regions are ${regions.join(', ')}`,
        ...(key.replicaRegions.includes(region)
          ? [`to replicate it there first: ${addCommand(providerName, key.name, region)}`]
          : []),
      ],
    },
  )
}
