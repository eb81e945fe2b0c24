import { createEngine, type Engine } from '../../src/core/engine.js'
import { archivedIn } from '../../src/core/records/archive.js'
import { withMaterial } from '../../src/core/records/material.js'
import {
  recordPath,
  type DistributionRecord,
  type ForgottenDistribution,
  type KeyRecord,
} from '../../src/core/records/model.js'
import { distributionsOf, readKey } from '../../src/core/records/repository.js'
import type { Store } from '../../src/store/store.js'
import { STORES, type StoreName } from './sites/site.js'
import type { World } from './world.js'

/** A distribution in a store. */
export interface FoundDistribution {
  readonly provider: string
  readonly key: string
  readonly record: DistributionRecord
  readonly isArchived: boolean
}

/** All records of one copy of the store, or the error that keeps them from being read. */
export interface StoreContent {
  readonly name: StoreName
  readonly keys: readonly KeyRecord[]
  readonly distributions: readonly FoundDistribution[]
  readonly forgotten: readonly ForgottenDistribution[]
  /** In hexadecimal, by key id and version. */
  readonly materials: ReadonlyMap<string, string>
  readonly error?: string
}

/** Reads every copy of the store, as the library does. */
export async function readStores({ site }: Pick<World, 'site'>): Promise<StoreContent[]> {
  const contents: StoreContent[] = []
  for (const name of STORES) contents.push(await readStore(name, site.open(name)))
  return contents
}

/** Reads one store. */
export async function readStore(name: StoreName, store: Store): Promise<StoreContent> {
  const engine = createEngine({ store, kinds: {} as Engine['kinds'] })
  try {
    const names = await store.list(recordPath.keys)
    const keys = (await Promise.all(names.map((key) => readKey(engine, key)))).flatMap(
      (key) => key ?? [],
    )
    const [materials, active, archived] = await Promise.all([
      materialsOf(engine, keys),
      Promise.all(keys.map((key) => activeOf(engine, key))),
      archivedOfAll(engine),
    ])
    const forgotten = keys.flatMap((key) => key.forgotten ?? [])
    return { name, keys, distributions: [...active.flat(), ...archived], forgotten, materials }
  } catch (error) {
    const { message } = error as Error
    return {
      name,
      keys: [],
      distributions: [],
      forgotten: [],
      materials: new Map(),
      error: message,
    }
  }
}

async function materialsOf(
  engine: Engine,
  keys: readonly KeyRecord[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const key of keys)
    for (const [version, { material }] of Object.entries(key.versions))
      if (material.state === 'stored')
        await withMaterial(engine.store, key, Number(version), (bytes) => {
          found.set(`${key.id} ${version}`, Buffer.from(bytes).toString('hex'))
          return Promise.resolve()
        })
  return found
}

/** Returns all material in the stores, in hexadecimal, also of versions that no key has now. */
export async function readOriginals({ site }: Pick<World, 'site'>): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const store of STORES.map((name) => site.open(name)))
    for (const keyId of await store.list(recordPath.materials))
      for (const name of await store.list(recordPath.materialOf(keyId))) {
        const stored = await store.get(recordPath.material(keyId, name))
        if (stored) found.add(Buffer.from(stored.value).toString('hex'))
      }
  return found
}

async function activeOf(engine: Engine, { name }: KeyRecord): Promise<FoundDistribution[]> {
  return (await distributionsOf(engine, name)).map(({ providerName, distribution }) => ({
    provider: providerName,
    key: name,
    record: distribution.current,
    isArchived: false,
  }))
}

async function archivedOfAll(engine: Engine): Promise<FoundDistribution[]> {
  const providers = await engine.store.list(recordPath.archive)
  const found = await archivedIn(engine, providers)
  return found.map(({ providerName, record }) => ({
    provider: providerName,
    key: record.name.replace(/-\d+$/, ''),
    record,
    isArchived: true,
  }))
}
