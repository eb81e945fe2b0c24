import { open, seal } from '../crypto/seal.js'
import type { RootKey } from '../crypto/root-key.js'
import type { Store } from './store.js'

/** Answers with the root key when the first record is read or written. */
export type Unlock = (to: 'read' | 'write') => Promise<RootKey>

/**
 * A store whose records `inner` keeps sealed under the root key (32 bytes), each bound to its path and revision.
 * Its `get` throws KeymgmtError STORE_CORRUPT for a record that was changed, moved or sealed by another store.
 */
export function createSealedStore(inner: Store, rootKey: RootKey | Unlock): Store {
  const unlock: Unlock = typeof rootKey === 'function' ? rootKey : () => Promise.resolve(rootKey)
  return {
    async get(path) {
      const stored = await inner.get(path)
      if (!stored) return undefined
      const { key, storeId } = await unlock('read')
      return { revision: stored.revision, value: open(key, stored.value, { storeId, path, revision: stored.revision }) }
    },
    async put(path, value, expectedRevision) {
      const { key, storeId } = await unlock('write')
      return inner.put(path, seal(key, value, { storeId, path, revision: expectedRevision + 1 }), expectedRevision)
    },
    list: (path) => inner.list(path),
    delete: (path, expectedRevision) => inner.delete(path, expectedRevision),
    lock: (name, purpose) => inner.lock(name, purpose),
  }
}
