import { inParallel } from '../../parallel.js'
import type { Engine } from '../engine.js'
import { keyInName } from './alias-names.js'
import { recordPath, type DistributionRecord, type KeyRecord } from './model.js'
import { openRecord } from './record.js'
import { listDistributions } from './repository.js'
import { uncheckedRecord, type UncheckedRecord } from './unchecked-record.js'

/** The record of a distribution, and its provider. */
export interface ProviderDistribution {
  readonly providerName: string
  readonly record: DistributionRecord
}

/** The records of all keys. */
export interface AllRecords {
  /** The keys, by name. */
  readonly keys: readonly KeyRecord[]
  /** Returns the distributions of a key, by provider; removed ones last. */
  readonly distributionsOf: (key: KeyRecord) => readonly ProviderDistribution[]
  /** The records that could not be read. */
  readonly unchecked: readonly UncheckedRecord[]
}

/**
 * Reads the record of every key and distribution once, in parallel; with `archived`, also the
 * records of removed distributions. A damaged record hides no other one.
 * @throws KeymgmtError STORE_SEALED, STORE_UNAVAILABLE
 */
export async function readAllRecords(
  engine: Engine,
  { archived = false }: { readonly archived?: boolean } = {},
): Promise<AllRecords> {
  const [names, present, removed] = await Promise.all([
    engine.store.list(recordPath.keys),
    listDistributions(engine),
    archived ? listArchived(engine) : [],
  ])
  const distributions = [
    ...present.map(({ providerName, key }) => ({
      providerName,
      key,
      path: recordPath.distribution(providerName, key),
    })),
    ...removed,
  ]
  const unchecked: UncheckedRecord[] = []
  const records = new Map<string, object>()
  const paths = [...names.map((name) => recordPath.key(name)), ...distributions.map(pathOf)]
  await inParallel(paths, async (path) => {
    try {
      const handle = await openRecord(engine.store, path)
      if (handle) records.set(path, handle.current)
    } catch (error) {
      unchecked.push(uncheckedRecord(path, error))
    }
  })
  const byKey = new Map<string, ProviderDistribution[]>()
  for (const { providerName, key, path } of distributions) {
    const record = records.get(path) as DistributionRecord | undefined
    if (record) byKey.set(key, [...(byKey.get(key) ?? []), { providerName, record }])
  }
  return {
    keys: [...names].sort().flatMap((name) => {
      const key = records.get(recordPath.key(name))
      return key ? [key as KeyRecord] : []
    }),
    distributionsOf: ({ name }) => byKey.get(name) ?? [],
    unchecked,
  }
}

const pathOf = ({ path }: { readonly path: string }) => path

async function listArchived({ store }: Engine) {
  const providers = await store.list(recordPath.archive)
  const found = await inParallel(providers, async (providerName) =>
    (await store.list(recordPath.archiveOf(providerName))).map((name) => ({
      providerName,
      key: keyInName(name),
      path: recordPath.archived(providerName, name),
    })),
  )
  return found.flat()
}
