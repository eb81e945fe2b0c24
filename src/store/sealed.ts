import { randomBytes } from 'node:crypto'
import type { RootKey } from '../crypto/root-key.js'
import { open, seal } from '../crypto/seal.js'
import { KeymgmtError } from '../errors.js'
import { conflict } from './conflict.js'
import { decodeEnvelope, encodeEnvelope, type Envelope } from './envelope.js'
import { segmentsOf } from './path.js'
import type { Revision, Store, StoredRecord } from './store.js'

/**
 * Called before each write. Throws if the store takes no writes. Returns a function to call after
 * the write, which throws if the write may be lost because the store stopped taking writes
 * meanwhile.
 */
export type BeginWrite = () => Promise<() => Promise<void>>

const UNCHECKED: BeginWrite = () => Promise.resolve(() => Promise.resolve())

/**
 * Creates a store that seals its records and keeps them in `inner`. The seal binds each record to
 * the store's id, the record's path, and the revision number and write id in its header. `unlock`
 * returns the root key of the store. It is called before each read and write, and with `again` if a
 * record does not open, because another command can have replaced the root key. For `read`, it may
 * return undefined if nothing was ever written to the store.
 */
export function createSealedStore(
  inner: Store,
  unlock: (to: 'read' | 'write' | 'again') => Promise<RootKey | undefined>,
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
      for (let to: 'read' | 'again' = 'read', tried: RootKey | undefined; ; to = 'again') {
        const stored = await inner.get(path)
        const root = stored && (await unlock(to))
        if (!root) return undefined
        try {
          return openStored(root, path, stored)
        } catch (error) {
          if (tried && isSameKey(tried, root)) throw error
          tried = root
        }
      }
    },
    async put(path, value, expected) {
      segmentsOf(path)
      let previous = expected === undefined ? undefined : split(path, expected)
      for (;;) {
        const root = await unlockToWrite()
        const endWrite = await beginWrite()
        const header = nextHeader(previous)
        const envelope = sealEnvelope(root, path, value, header)
        const revision = await ifUnchanged(inner, path, previous, (current) =>
          inner.put(path, envelope, current),
        )
        await endWrite()
        // If the root key was replaced meanwhile, the record is sealed again.
        if (isSameKey(root, await unlockToWrite())) return join({ ...header, inner: revision })
        previous = { ...header, inner: revision }
      }
    },
    list: (path) => inner.list(path),
    async delete(path, expected) {
      segmentsOf(path)
      const previous = split(path, expected)
      const endWrite = await beginWrite()
      await ifUnchanged(inner, path, previous, (current) =>
        inner.delete(path, current ?? previous.inner),
      )
      await endWrite()
    },
    lock: (name, purpose) => inner.lock(name, purpose),
    ...(inner.leases && { leases: inner.leases }),
  }
}

/**
 * A sealed store's revision: the number and the id of the write, and the inner store's revision.
 * The next put thus knows which number to write without reading the record again.
 */
interface SealedRevision extends Pick<Envelope, 'revisionNumber' | 'writeId'> {
  readonly inner: Revision
}

function openStored(root: RootKey, path: string, { value, revision }: StoredRecord): StoredRecord {
  const header = decodeEnvelope(path, value)
  return { revision: join({ ...header, inner: revision }), value: openEnvelope(root, path, value) }
}

function nextHeader(previous: SealedRevision | undefined): Omit<Envelope, 'sealed'> {
  const revisionNumber = (previous?.revisionNumber ?? 0) + 1
  return { revisionNumber, writeId: randomBytes(16).toString('hex') }
}

/**
 * Runs a conditional write. Repeats it if the record was only sealed again under a new root key,
 * which changes neither its number nor the id of its write.
 * @throws KeymgmtError STORE_CONFLICT
 */
async function ifUnchanged<T>(
  inner: Store,
  path: string,
  expected: SealedRevision | undefined,
  write: (revision: Revision | undefined) => Promise<T>,
): Promise<T> {
  for (let revision = expected?.inner; ;) {
    try {
      return await write(revision)
    } catch (error) {
      if (!expected || !(error instanceof KeymgmtError) || error.code !== 'STORE_CONFLICT')
        throw error
      const current = await inner.get(path)
      if (!current || current.revision === revision) throw error
      const { revisionNumber, writeId } = decodeEnvelope(path, current.value)
      if (revisionNumber !== expected.revisionNumber || writeId !== expected.writeId) throw error
      revision = current.revision
    }
  }
}

/** Seals a record. {@link openEnvelope} is the inverse. */
export function sealEnvelope(
  root: RootKey,
  path: string,
  value: Uint8Array,
  { revisionNumber, writeId }: Omit<Envelope, 'sealed'>,
): Uint8Array {
  const binding = { storeId: root.storeId, path, revision: revisionNumber, writeId }
  return encodeEnvelope({ revisionNumber, writeId, sealed: seal(root.key, value, binding) })
}

/**
 * Opens a record as a sealed store keeps it, which may be sealed under the previous root key. The
 * caller wipes the result.
 * @throws KeymgmtError STORE_CORRUPT, STORE_VERSION
 */
export function openEnvelope(root: RootKey, path: string, bytes: Uint8Array): Buffer {
  const { revisionNumber, writeId, sealed } = decodeEnvelope(path, bytes)
  const { storeId, key, previous } = root
  const binding = { storeId, path, revision: revisionNumber, writeId }
  try {
    return open(key, sealed, binding)
  } catch (error) {
    if (!previous) throw error
    return open(previous, sealed, binding)
  }
}

/**
 * True if two root keys are equal. No attacker supplies either of them, so the comparison need not
 * take constant time.
 */
function isSameKey(one: RootKey, other: RootKey): boolean {
  return Buffer.from(one.key).equals(other.key)
}

function join({ revisionNumber, writeId, inner }: SealedRevision): Revision {
  return `${revisionNumber}:${writeId}:${inner}`
}

function split(path: string, revision: Revision): SealedRevision {
  const [, number, writeId, inner] = /^(\d+):([0-9a-f]{32}):(.*)$/s.exec(revision) ?? []
  // No sealed store returns such a revision.
  if (writeId === undefined || inner === undefined) throw conflict(path)
  return { revisionNumber: Number(number), writeId, inner }
}
