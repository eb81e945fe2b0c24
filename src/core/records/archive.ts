import type { Engine } from '../engine.js'
import { openRecord } from './record.js'
import { readProvider } from './repository.js'
import { copiesOf } from '../reconcile/plan.js'
import { openProvider } from '../operations/providers.js'
import { recordPath, type DistributionRecord, type KeyRecord } from './model.js'

/** A removed distribution whose KMS keys AWS may not have deleted yet. */
export interface ArchivedDistribution {
  readonly kms: string
  readonly record: DistributionRecord
  /** Whether every waiting period is over. */
  readonly gone: boolean
}

/** The removed distributions of a key, the latest first; of one provider, or of all. */
export async function archivedOf(
  engine: Engine,
  key: KeyRecord,
  kms?: string,
): Promise<ArchivedDistribution[]> {
  const providers = kms === undefined ? await engine.store.list(recordPath.archived) : [kms]
  const found = await Promise.all(providers.map((provider) => archivedIn(engine, key, provider)))
  return found
    .flat()
    .sort((one, other) =>
      other.record.distribution_time.localeCompare(one.record.distribution_time),
    )
}

async function archivedIn(
  engine: Engine,
  key: KeyRecord,
  kms: string,
): Promise<ArchivedDistribution[]> {
  // The name tells whose it may be, so that only those are opened.
  const names = (await engine.store.list(recordPath.archivedOf(kms))).filter(
    (name) => name.replace(/-\d+$/, '') === key.name,
  )
  const records = await Promise.all(
    names.map((name) =>
      openRecord<DistributionRecord>(engine.store, recordPath.archivedDistribution(kms, name)),
    ),
  )
  return records.flatMap((handle) => {
    if (handle?.current.key_id !== key.id) return []
    return [{ kms, record: handle.current, gone: isOver(handle.current, engine.now()) }]
  })
}

/** Without a date (a primary waits for its replicas first) nobody knows when it will be over. */
function isOver(record: DistributionRecord, now: Date): boolean {
  return copiesOf(record).every(
    ({ copy }) =>
      !copy.key || (copy.deletion_date !== undefined && new Date(copy.deletion_date) < now),
  )
}

/**
 * Whether AWS still has every KMS key of a removed distribution, so that it can be brought back.
 */
export async function isRestorable(
  engine: Engine,
  { kms, record }: ArchivedDistribution,
): Promise<boolean> {
  const provider = await readProvider(engine, kms)
  if (!provider || provider.key_collection !== record.regions[0]) return false
  const opened = await openProvider(engine, provider)
  const states = await Promise.all(
    copiesOf(record).flatMap(({ region, copy }) =>
      copy.key ? [opened.inspect(region, copy.key)] : [],
    ),
  )
  return states.length > 0 && states.every((state) => state !== undefined)
}

/** Forgets removed distributions whose KMS keys AWS no longer has. */
export async function deleteArchived(
  engine: Engine,
  { kms, record }: ArchivedDistribution,
): Promise<void> {
  const path = recordPath.archivedDistribution(kms, record.name)
  const stored = await engine.store.get(path)
  if (stored) await engine.store.delete(path, stored.revision)
}
