import { KeymgmtError } from '../../errors.js'
import { inParallel } from '../../parallel.js'
import type { Engine } from '../engine.js'
import { addCommand } from '../records/dropped-regions.js'
import { createdKmsKeys, primaryRegion } from '../records/kms-keys.js'
import type { CreatedKmsKey, DistributionRecord, KeyRecord } from '../records/model.js'
import type { NamedDistribution } from '../records/repository.js'
import { openContext, type ObserveContext } from './context.js'
import { isUnanswered } from './unanswered.js'

/**
 * PURE: returns the Regions in which AWS has this version of a multi-Region key, and the record has
 * no entry for it.
 */
export function unrecordedRegions(
  { kmsKeys }: Pick<DistributionRecord, 'kmsKeys'>,
  version: number,
  found: readonly string[],
): string[] {
  const entries = kmsKeys.filter((entry) => entry.version === version)
  return found.filter((region) => !entries.some((entry) => entry.region === region))
}

/** Returns the next step for a replica that AWS has and that is not on record. */
export function replicaNextStep(
  key: Pick<KeyRecord, 'name' | 'replicaRegions'>,
  providerName: string,
  region: string,
  id: string,
): string {
  const take = key.replicaRegions.includes(region)
    ? [`take it into the distribution: ${addCommand(providerName, key.name, region)}`]
    : []
  return [...take, deleteCommand(region, id)].join('; or ')
}

/** Returns the command that deletes a KMS key that is not on record. */
export function deleteCommand(region: string, id: string): string {
  return `delete it: aws kms schedule-key-deletion --region ${region} --key-id ${id}`
}

/**
 * Refuses to delete or revoke multi-Region KMS keys that have a replica which is not on record. An
 * older copy of the store lacks it, or somebody else created it. It would keep its material, and
 * AWS would never delete its primary. Either can be urgent, so nothing is refused if AWS can't be
 * asked.
 * @throws KeymgmtError STORE_OUTDATED
 */
export async function assertReplicasRecorded(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
  includes: (version: number) => boolean = () => true,
): Promise<void> {
  const { current } = named.distribution
  const primaries = createdKmsKeys(current)
    .filter(({ version, region }) => region === primaryRegion(current, version))
    .filter(({ version }) => includes(version))
  if (key.replicaRegions.length === 0 || primaries.length === 0) return
  const context = await openContext(engine, key, named).catch(ignoreUnanswered)
  if (context) await inParallel(primaries, (primary) => assertRecorded(context, primary))
}

async function assertRecorded(
  { key, provider, providerName, distribution }: ObserveContext,
  { version, region: from, key: kmsKey }: CreatedKmsKey,
): Promise<void> {
  const status = await provider.inspect(from, kmsKey).catch(ignoreUnanswered)
  const regions = status?.multiRegion?.regions ?? []
  for (const region of unrecordedRegions(distribution.current, version, regions)) {
    const replica = await provider.inspect(region, kmsKey).catch(ignoreUnanswered)
    if (!replica || replica.state === 'pending-deletion') continue
    throw new KeymgmtError(
      'STORE_OUTDATED',
      `KMS key ${kmsKey.id} of ${key.name} version ${version} has a replica in ${region} that this store does not know: AWS would keep it, and the material in it`,
      {
        hints: [
          'nothing was changed in AWS',
          `first ${replicaNextStep(key, providerName, region, kmsKey.id)}`,
        ],
      },
    )
  }
}

function ignoreUnanswered(error: unknown): undefined {
  if (!isUnanswered(error)) throw error
}
