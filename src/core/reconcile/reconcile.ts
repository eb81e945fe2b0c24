import type { Engine } from '../engine.js'
import type { RecordHandle } from '../records/record.js'
import { distributionsOf, requireProvider, type NamedDistribution } from '../records/repository.js'
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

/** The distribution with all that is needed to work on it. */
export async function openContext(
  engine: Engine,
  key: KeyRecord,
  { kms, handle }: NamedDistribution,
): Promise<Work> {
  return {
    engine,
    key,
    handle,
    provider: await openProvider(engine, await requireProvider(engine, kms)),
  }
}

/**
 * Brings one distribution to what its record says; a removed one is put aside then. How is loaded
 * when there is one: most commands have nothing to do with AWS.
 */
export async function reconcile(
  engine: Engine,
  key: KeyRecord,
  placed: NamedDistribution,
): Promise<void> {
  const { converge } = await import('./steps.js')
  await converge(await openContext(engine, key, placed))
  if (placed.handle.current.state === 'removed') await archive(engine, placed)
}

/**
 * The record moves aside before it goes, so that at every moment one of the two tells of the KMS
 * keys.
 */
async function archive(engine: Engine, { kms, handle }: NamedDistribution): Promise<void> {
  const path = recordPath.archivedDistribution(kms, handle.current.name)
  const earlier = await engine.store.get(path)
  await engine.store.put(path, encodeRecord(handle.current), earlier?.revision ?? 0)
  await handle.remove()
}

/**
 * Brings every distribution of the key in line with it, and declares a rotation done that is
 * everywhere. Every distribution gets its chance before the first failure is reported.
 */
export async function reconcileKey(
  engine: Engine,
  handle: RecordHandle<KeyRecord>,
  placed: readonly NamedDistribution[],
): Promise<void> {
  const results = await Promise.allSettled(
    placed.map((each) => reconcile(engine, handle.current, each)),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
  const { pending_version } = handle.current
  if (pending_version !== undefined) {
    await handle.update((current) => ({
      ...without(current, 'pending_version'),
      latest_version: pending_version,
    }))
  }
}

/**
 * Finishes what an interrupted command began with the key, and says so.
 * @returns the distributions that there are then.
 */
export async function resumeUnfinished(
  engine: Engine,
  handle: RecordHandle<KeyRecord>,
): Promise<NamedDistribution[]> {
  const { name, pending_version } = handle.current
  const placed = await distributionsOf(engine, name)
  const unfinished = placed.filter((each) => isUnfinished(handle.current, each.handle.current))
  if (pending_version === undefined && unfinished.length === 0) return placed
  engine.notice(
    `First finishing what an earlier command began: ${describe(name, pending_version, unfinished)}`,
  )
  await reconcileKey(engine, handle, placed)
  return distributionsOf(engine, name)
}

function describe(
  key: string,
  pending: number | undefined,
  unfinished: readonly NamedDistribution[],
): string {
  const rotation = pending === undefined ? [] : [`the rotation of ${key} to version ${pending}`]
  const others = unfinished.map(
    ({ kms, handle }) => `${WORDS[handle.current.state]} ${key} in ${kms}`,
  )
  return (rotation.length > 0 ? rotation : others).join(', ')
}

const WORDS: Readonly<Record<DistributionRecord['state'], string>> = {
  active: 'the distribution of',
  revoked: 'the revocation of',
  removed: 'the removal of',
}
