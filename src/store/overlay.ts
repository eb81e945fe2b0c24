import { randomUUID } from 'node:crypto'
import { conflict } from './conflict.js'
import { createMemoryStore } from './memory.js'
import type { Revision, Store, StoredRecord } from './store.js'

/**
 * Creates a store that reads from `inner` and keeps every change in memory, for a dry run. Its
 * locks don't keep out users of `inner`, so a record that it returns may already be out of date.
 */
export function createOverlayStore(inner: Store): Store {
  const locks = createMemoryStore()
  /** Undefined marks a record that was deleted here. */
  const changed = new Map<string, StoredRecord | undefined>()
  const get = async (path: string) => {
    const stored = changed.has(path) ? undefined : await inner.get(path)
    return changed.has(path) ? changed.get(path) : stored
  }
  const replace = async (
    path: string,
    expected: Revision | undefined,
    record: StoredRecord | undefined,
  ) => {
    const stored = changed.has(path) ? undefined : await inner.get(path)
    // Another call may have changed the record while this one waited.
    const current = changed.has(path) ? changed.get(path) : stored
    if (current?.revision !== expected) throw conflict(path)
    changed.set(path, record)
  }
  const list = async (path: string): Promise<string[]> => {
    const names = new Set(await inner.list(path))
    const below = [...changed.keys()].filter((key) => key.startsWith(`${path}/`))
    for (const name of new Set(
      below.map((key) => key.slice(path.length + 1).split('/')[0] ?? ''),
    )) {
      const child = `${path}/${name}`
      if ((await list(child)).length > 0 || (await get(child))) names.add(name)
      else names.delete(name)
    }
    return [...names].sort()
  }
  return {
    id: () => inner.id(),
    get: async (path) => {
      const found = await get(path)
      return found && { ...found, value: Uint8Array.from(found.value) }
    },
    async put(path, value, expected) {
      const revision = randomUUID()
      await replace(path, expected, { revision, value: Uint8Array.from(value) })
      return revision
    },
    list,
    delete: (path, expected) => replace(path, expected, undefined),
    lock: (name, purpose) => locks.lock(name, purpose),
  }
}
