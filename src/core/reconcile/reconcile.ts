import type { Engine } from '../engine.js'
import type { Ledger } from '../records/record.js'
import { distributionsOf, requireProvider, type PlacedDistribution } from '../records/repository.js'
import { isUnfinished } from './plan.js'
import { openProvider } from '../operations/providers.js'
import {
  encodeRecord,
  recordPath,
  without,
  type DistributionRecord,
  type KeyRecord,
} from '../records/model.js'
import type { Work } from './context.js'
import { converge } from './steps.js'

/** The distribution with all that is needed to work on it. */
export async function openWork(
  engine: Engine,
  key: KeyRecord,
  { kms, ledger }: PlacedDistribution,
): Promise<Work> {
  return {
    engine,
    key,
    ledger,
    provider: await openProvider(engine, await requireProvider(engine, kms)),
  }
}

/** Brings one distribution to what its record says; a removed one is put aside then. */
export async function settle(
  engine: Engine,
  key: KeyRecord,
  placed: PlacedDistribution,
): Promise<void> {
  await converge(await openWork(engine, key, placed))
  if (placed.ledger.current.state === 'removed') await retire(engine, placed)
}

/**
 * The record moves aside before it goes, so that at every moment one of the two tells of the KMS
 * keys.
 */
async function retire(engine: Engine, { kms, ledger }: PlacedDistribution): Promise<void> {
  const path = recordPath.retiredDistribution(kms, ledger.current.name)
  const earlier = await engine.store.get(path)
  await engine.store.put(path, encodeRecord(ledger.current), earlier?.revision)
  await ledger.remove()
}

/**
 * Brings every distribution of the key in line with it, and declares a rotation done that is
 * everywhere. Every distribution gets its chance before the first failure is reported.
 */
export async function settleKey(
  engine: Engine,
  ledger: Ledger<KeyRecord>,
  placed: readonly PlacedDistribution[],
): Promise<void> {
  const results = await Promise.allSettled(
    placed.map((each) => settle(engine, ledger.current, each)),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
  const { pending_version } = ledger.current
  if (pending_version !== undefined) {
    await ledger.update((current) => ({
      ...without(current, 'pending_version'),
      latest_version: pending_version,
    }))
  }
}

/**
 * Finishes what an interrupted command began with the key, and says so.
 * @returns the distributions that there are then.
 */
export async function finishEarlier(
  engine: Engine,
  ledger: Ledger<KeyRecord>,
): Promise<PlacedDistribution[]> {
  const { name, pending_version } = ledger.current
  const placed = await distributionsOf(engine, name)
  const unfinished = placed.filter((each) => isUnfinished(ledger.current, each.ledger.current))
  if (pending_version === undefined && unfinished.length === 0) return placed
  engine.notice(
    `First finishing what an earlier command began: ${describe(name, pending_version, unfinished)}`,
  )
  await settleKey(engine, ledger, placed)
  return distributionsOf(engine, name)
}

function describe(
  key: string,
  pending: number | undefined,
  unfinished: readonly PlacedDistribution[],
): string {
  const rotation = pending === undefined ? [] : [`the rotation of ${key} to version ${pending}`]
  const others = unfinished.map(
    ({ kms, ledger }) => `${WORDS[ledger.current.state]} ${key} in ${kms}`,
  )
  return (rotation.length > 0 ? rotation : others).join(', ')
}

const WORDS: Readonly<Record<DistributionRecord['state'], string>> = {
  active: 'the distribution of',
  revoked: 'the revocation of',
  removed: 'the removal of',
}
