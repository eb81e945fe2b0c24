import type { Engine } from '../engine.js'
import { openLedger } from './record.js'
import { readProvider } from './repository.js'
import { copiesOf } from '../reconcile/plan.js'
import { openProvider } from '../operations/providers.js'
import { recordPath, type DistributionRecord, type KeyRecord } from './model.js'

/** A removed distribution whose KMS keys AWS may not have deleted yet. */
export interface RetiredDistribution {
  readonly kms: string
  readonly record: DistributionRecord
  /** Whether every waiting period is over. */
  readonly gone: boolean
}

/** The removed distributions of a key, the latest first; of one provider, or of all. */
export async function retiredOf(
  engine: Engine,
  key: KeyRecord,
  kms?: string,
): Promise<RetiredDistribution[]> {
  const providers = kms === undefined ? await engine.store.list(recordPath.retired) : [kms]
  const found = await Promise.all(providers.map((provider) => retiredIn(engine, key, provider)))
  return found
    .flat()
    .sort((one, other) =>
      other.record.distribution_time.localeCompare(one.record.distribution_time),
    )
}

async function retiredIn(
  engine: Engine,
  key: KeyRecord,
  kms: string,
): Promise<RetiredDistribution[]> {
  // The name tells whose it may be, so that only those are opened.
  const names = (await engine.store.list(recordPath.retiredOf(kms))).filter(
    (name) => name.replace(/-\d+$/, '') === key.name,
  )
  const records = await Promise.all(
    names.map((name) =>
      openLedger<DistributionRecord>(engine.store, recordPath.retiredDistribution(kms, name)),
    ),
  )
  return records.flatMap((ledger) => {
    if (ledger?.current.key_id !== key.id) return []
    return [{ kms, record: ledger.current, gone: isOver(ledger.current, engine.now()) }]
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
  { kms, record }: RetiredDistribution,
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
export async function forgetRetired(
  engine: Engine,
  { kms, record }: RetiredDistribution,
): Promise<void> {
  const path = recordPath.retiredDistribution(kms, record.name)
  const stored = await engine.store.get(path)
  if (stored) await engine.store.delete(path, stored.revision)
}
