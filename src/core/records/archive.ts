import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { keyInName } from './alias-names.js'
import { createdKmsKeys } from './kms-keys.js'
import { decodeRecord, encodeRecord } from './codec.js'
import { recordPath, type DistributionRecord, type KeyRecord } from './model.js'
import { inParallel } from '../../parallel.js'
import { createRecord, openRecord, type RecordHandle } from './record.js'
import type { NamedDistribution } from './repository.js'

/** A removed distribution whose KMS keys AWS may not have deleted yet. */
export interface ArchivedDistribution {
  readonly providerName: string
  readonly record: DistributionRecord
  /** True if every waiting period is over. */
  readonly gone: boolean
}

/** Returns the archived distributions of a key in one provider or in all, the latest first. */
export async function archivedOf(
  engine: Engine,
  key: KeyRecord,
  providerName?: string,
): Promise<ArchivedDistribution[]> {
  const providers =
    providerName === undefined ? await engine.store.list(recordPath.archive) : [providerName]
  // The name begins with the key's name, so only the key's own records are opened.
  const found = await archivedIn(engine, providers, (name) => keyInName(name) === key.name)
  return found
    .filter(({ record }) => record.keyId === key.id)
    .sort((one, other) => other.record.distributionTime.localeCompare(one.record.distributionTime))
}

/** Returns the archived distributions in the providers whose names `isWanted` accepts. */
export async function archivedIn(
  engine: Engine,
  providers: readonly string[],
  isWanted: (name: string) => boolean = () => true,
): Promise<ArchivedDistribution[]> {
  const archived = await inParallel(providers, async (providerName) => {
    const names = await engine.store.list(recordPath.archiveOf(providerName))
    return names.filter(isWanted).map((name) => ({ providerName, name }))
  })
  const found = await inParallel(archived.flat(), async ({ providerName, name }) => {
    const path = recordPath.archived(providerName, name)
    const record = (await openRecord<DistributionRecord>(engine.store, path))?.current
    return record && { providerName, record, gone: isOver(record, engine.now()) }
  })
  return found.filter((each) => each !== undefined)
}

/**
 * True if every waiting period is over. A primary has no date until AWS has deleted its replicas.
 */
export function isOver(record: DistributionRecord, now: Date): boolean {
  return createdKmsKeys(record).every(
    ({ deletion }) => deletion?.date !== undefined && new Date(deletion.date) < now,
  )
}

/**
 * Moves the record of a removed distribution to the archive. Writes the archived record before it
 * deletes the other one, so that at every moment a record names the KMS keys. Replaces an archived
 * record only with a later state of the same distribution.
 * @throws KeymgmtError STORE_CORRUPT if another distribution of that name is archived.
 */
export async function archiveDistribution(
  { store }: Engine,
  { providerName, distribution }: NamedDistribution,
): Promise<void> {
  const path = recordPath.archived(providerName, distribution.current.name)
  const earlier = await store.get(path)
  if (earlier) assertSameDistribution(path, earlier.value, distribution.current)
  await store.put(path, encodeRecord(distribution.current), earlier?.revision)
  await distribution.remove()
}

/**
 * Deletes the archived record that an interrupted move left beside the distribution. Once the
 * distribution has another name, no later move would replace that record.
 */
export async function deleteArchivedCopy(
  { store }: Engine,
  { providerName, distribution }: NamedDistribution,
): Promise<void> {
  const path = recordPath.archived(providerName, distribution.current.name)
  const stored = await store.get(path)
  if (stored && isSameDistribution(decodeRecord(path, stored.value), distribution.current))
    await store.delete(path, stored.revision)
}

function isSameDistribution(
  archived: unknown,
  { keyId, distributionTime }: DistributionRecord,
): boolean {
  const earlier = archived as DistributionRecord
  return earlier.keyId === keyId && earlier.distributionTime === distributionTime
}

/** Accepts an archived record of the same distribution: an interrupted move leaves both records. */
function assertSameDistribution(
  path: string,
  archived: Uint8Array,
  distribution: DistributionRecord,
): void {
  if (isSameDistribution(decodeRecord(path, archived), distribution)) return
  throw new KeymgmtError(
    'STORE_CORRUPT',
    `${path} is the record of another distribution, and is not replaced`,
    {
      hints: ['nothing was changed; report this as a bug, with the output of `keymgmt status`'],
    },
  )
}

/** Moves an archived distribution back, with `record` as its new state. */
export async function unarchive(
  engine: Engine,
  archived: ArchivedDistribution,
  key: string,
  record: DistributionRecord,
): Promise<RecordHandle<DistributionRecord>> {
  const path = recordPath.distribution(archived.providerName, key)
  const handle = await createRecord(engine.store, path, record)
  await deleteArchived(engine, archived)
  return handle
}

/** Deletes the record of a removed distribution whose KMS keys AWS no longer has. */
export async function deleteArchived(
  { store }: Engine,
  { providerName, record }: ArchivedDistribution,
): Promise<void> {
  const path = recordPath.archived(providerName, record.name)
  const stored = await store.get(path)
  if (stored) await store.delete(path, stored.revision)
}
