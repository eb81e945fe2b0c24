import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { reconcileOne } from '../reconcile/reconcile.js'
import { resumableDistributions } from '../reconcile/resume.js'
import { addCommand } from '../records/dropped-regions.js'
import { withKeyLock } from '../records/locks.js'
import type { KeyRecord } from '../records/model.js'
import { withChosenPrimary } from '../records/primary-regions.js'
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
    reportSkippedMoves(engine, record.current, named)
    await reconcileOne(engine, record, named, others)
  })
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
