import { randomUUID } from 'node:crypto'
import { conflict } from './conflict.js'
import type { Store, StoredRecord } from './store.js'

/** A store that lasts as long as it is referred to: for tests, rehearsals and libraries that keep records elsewhere. */
export function createMemoryStore(): Store {
  const records = new Map<string, StoredRecord>()
  const tails = new Map<string, Promise<void>>()
  const assertRevision = (path: string, expected: number) => {
    if ((records.get(path)?.revision ?? 0) !== expected) throw conflict(path)
  }
  const id = randomUUID()
  return {
    id: () => Promise.resolve(id),
    get: (path) => {
      const found = records.get(path)
      return Promise.resolve(found && { ...found, value: Uint8Array.from(found.value) })
    },
    async put(path, value, expectedRevision) {
      await Promise.resolve()
      assertRevision(path, expectedRevision)
      records.set(path, { revision: expectedRevision + 1, value: Uint8Array.from(value) })
      return expectedRevision + 1
    },
    list: (path) => {
      const below = [...records.keys()].filter((key) => key.startsWith(`${path}/`))
      const names = below.map((key) => key.slice(path.length + 1).split('/')[0] ?? '')
      return Promise.resolve([...new Set(names)].sort())
    },
    async delete(path, expectedRevision) {
      await Promise.resolve()
      if (!records.has(path)) throw conflict(path)
      assertRevision(path, expectedRevision)
      records.delete(path)
    },
    async lock(name) {
      const before = tails.get(name)
      let release: () => void = () => undefined
      tails.set(name, new Promise((resolve) => { release = resolve }))
      await before
      return {
        release: () => {
          release()
          return Promise.resolve()
        },
      }
    },
  }
}
