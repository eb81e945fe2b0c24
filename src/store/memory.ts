import { randomUUID } from 'node:crypto'
import { conflict } from './conflict.js'
import { segmentsOf } from './path.js'
import type { Revision, Store, StoredRecord } from './store.js'

/** Creates a store that keeps its records in memory, for tests and dry runs. */
export function createMemoryStore(): Store {
  const id = randomUUID()
  const records = new Map<string, StoredRecord>()
  const tails = new Map<string, Promise<void>>()
  const assertRevision = (path: string, expected: Revision | undefined) => {
    if (records.get(path)?.revision !== expected) throw conflict(path)
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
    async put(path, value, expected) {
      assertRevision(await checked(path), expected)
      const revision = randomUUID()
      records.set(path, { revision, value: Uint8Array.from(value) })
      return revision
    },
    async list(path) {
      const folder = `${await checked(path)}/`
      const below = [...records.keys()].filter((key) => key.startsWith(folder))
      const names = below.map((key) => key.slice(folder.length).split('/')[0] ?? '')
      return [...new Set(names)].sort()
    },
    async delete(path, expected) {
      assertRevision(await checked(path), expected)
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
      let isHeld = true
      return {
        isHeld: () => isHeld,
        release: () => {
          isHeld = false
          release()
          return Promise.resolve()
        },
      }
    },
  }
}
