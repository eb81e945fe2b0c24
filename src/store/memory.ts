import { randomUUID } from 'node:crypto'
import { conflict } from './conflict.js'
import { segmentsOf } from './path.js'
import type { Store, StoredRecord } from './store.js'

/**
 * A store that lasts as long as it is referred to: for tests, rehearsals and libraries that keep
 * records elsewhere.
 */
export function createMemoryStore(): Store {
  const id = randomUUID()
  const records = new Map<string, StoredRecord>()
  const tails = new Map<string, Promise<void>>()
  const assertRevision = (path: string, expected: number) => {
    if ((records.get(path)?.revision ?? 0) !== expected) throw conflict(path)
  }
  const checked = async (path: string) => {
    await Promise.resolve()
    segmentsOf(path)
    return path
  }
  return {
    id: () => Promise.resolve(id),
    async get(path) {
      const found = records.get(await checked(path))
      return found && { ...found, value: Uint8Array.from(found.value) }
    },
    async put(path, value, expectedRevision) {
      assertRevision(await checked(path), expectedRevision)
      records.set(path, { revision: expectedRevision + 1, value: Uint8Array.from(value) })
      return expectedRevision + 1
    },
    async list(path) {
      const folder = `${await checked(path)}/`
      const below = [...records.keys()].filter((key) => key.startsWith(folder))
      const names = below.map((key) => key.slice(folder.length).split('/')[0] ?? '')
      return [...new Set(names)].sort()
    },
    async delete(path, expectedRevision) {
      if (!records.has(await checked(path))) throw conflict(path)
      assertRevision(path, expectedRevision)
      records.delete(path)
    },
    async lock(name) {
      const before = tails.get(await checked(name))
      let release: () => void = () => undefined
      tails.set(
        name,
        new Promise((resolve) => {
          release = resolve
        }),
      )
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
