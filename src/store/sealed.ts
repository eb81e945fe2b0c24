import { randomBytes } from 'node:crypto'
import type { RootKey } from '../crypto/root-key.js'
import { open, seal } from '../crypto/seal.js'
import { conflict } from './conflict.js'
import { decodeEnvelope, encodeEnvelope } from './envelope.js'
import { segmentsOf } from './path.js'
import type { Revision, Store } from './store.js'

/**
 * Is called before each write. Throws if the store takes no writes. Returns a function that is
 * called after the write, and throws if it may be lost because the store takes no writes any more.
 */
export type BeginWrite = () => Promise<() => Promise<void>>

const UNCHECKED: BeginWrite = () => Promise.resolve(() => Promise.resolve())

/**
 * Creates a store that seals its records and keeps them in `inner`. The seal binds each record to
 * the store's id, the record's path, and the revision number and write id in its header. `unlock`
 * is called when a record is first read or written. For `read`, it may return undefined if nothing
 * was ever written to the store.
 */
export function createSealedStore(
  inner: Store,
  unlock: (to: 'read' | 'write') => Promise<RootKey | undefined>,
  beginWrite: BeginWrite = UNCHECKED,
): Store {
  const unlockToWrite = async () => {
    const root = await unlock('write')
    if (!root) throw new Error('unlock must return a root key for a write')
    return root
  }
  return {
    async id() {
      return (await unlockToWrite()).storeId
    },
    async get(path) {
      const stored = await inner.get(path)
      if (!stored) return undefined
      const root = await unlock('read')
      if (!root) return undefined
      const { revisionNumber, writeId, sealed } = decodeEnvelope(path, stored.value)
      const binding = { storeId: root.storeId, path, revision: revisionNumber, writeId }
      return {
        revision: join(revisionNumber, stored.revision),
        value: open(root.key, sealed, binding),
      }
    },
    async put(path, value, expected) {
      segmentsOf(path)
      const root = await unlockToWrite()
      const endWrite = await beginWrite()
      const previous = expected === undefined ? undefined : split(path, expected)
      const revisionNumber = (previous?.revisionNumber ?? 0) + 1
      const writeId = randomBytes(16).toString('hex')
      const binding = { storeId: root.storeId, path, revision: revisionNumber, writeId }
      const sealed = seal(root.key, value, binding)
      const envelope = encodeEnvelope({ revisionNumber, writeId, sealed })
      const revision = await inner.put(path, envelope, previous?.inner)
      await endWrite()
      return join(revisionNumber, revision)
    },
    list: (path) => inner.list(path),
    async delete(path, expected) {
      segmentsOf(path)
      const { inner: revision } = split(path, expected)
      const endWrite = await beginWrite()
      await inner.delete(path, revision)
      await endWrite()
    },
    lock: (name, purpose) => inner.lock(name, purpose),
    ...(inner.leases && { leases: inner.leases }),
  }
}

/**
 * A sealed store's revision consists of the sealed number and the inner store's revision. The next
 * put thus knows which number to write without reading the record again.
 */
function join(revisionNumber: number, inner: Revision): Revision {
  return `${revisionNumber}:${inner}`
}

function split(path: string, revision: Revision): { revisionNumber: number; inner: Revision } {
  const [, number, inner] = /^(\d+):(.*)$/s.exec(revision) ?? []
  // No sealed store returns such a revision.
  if (inner === undefined) throw conflict(path)
  return { revisionNumber: Number(number), inner }
}
