import { conflict } from './conflict.js'
import type { Store, StoredRecord } from './store.js'

/**
 * A store that shows what `inner` has, and keeps every change to itself until it is forgotten: for
 * a rehearsal. It takes no lock, so what it shows may be a moment old.
 */
export function createOverlayStore(inner: Store): Store {
  /** Undefined is a record that was deleted here. */
  const changed = new Map<string, StoredRecord | undefined>()
  const get = async (path: string) => (changed.has(path) ? changed.get(path) : inner.get(path))
  const assertRevision = async (path: string, expected: number) => {
    if (((await get(path))?.revision ?? 0) !== expected) throw conflict(path)
  }
  return {
    id: () => inner.id(),
    get: async (path) => {
      const found = await get(path)
      return found && { ...found, value: Uint8Array.from(found.value) }
    },
    async put(path, value, expectedRevision) {
      await assertRevision(path, expectedRevision)
      changed.set(path, { revision: expectedRevision + 1, value: Uint8Array.from(value) })
      return expectedRevision + 1
    },
    async list(path) {
      const names = new Set(await inner.list(path))
      for (const [key, record] of changed) {
        if (!key.startsWith(`${path}/`)) continue
        const [name = '', ...below] = key.slice(path.length + 1).split('/')
        if (record) names.add(name)
        else if (below.length === 0) names.delete(name)
      }
      return [...names].sort()
    },
    async delete(path, expectedRevision) {
      if ((await get(path)) === undefined) throw conflict(path)
      await assertRevision(path, expectedRevision)
      changed.set(path, undefined)
    },
    lock: () => Promise.resolve({ release: () => Promise.resolve() }),
  }
}
