import { open, seal } from '../crypto/seal.js'
import type { RootKey } from '../crypto/root-key.js'
import { segmentsOf } from './path.js'
import type { Store } from './store.js'

/**
 * A store whose records `inner` keeps sealed, each bound to its path and revision. `unlock` is
 * asked for the root key when the first record is read or written: `reading` may answer undefined
 * for a store that has never been written.
 */
export function createSealedStore(
  inner: Store,
  unlock: (to: 'read' | 'write') => Promise<RootKey | undefined>,
): Store {
  const unlockToWrite = async () => {
    const root = await unlock('write')
    if (!root) throw new Error('a store that is written to has a root key')
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
      const { key, storeId } = root
      return {
        revision: stored.revision,
        value: open(key, stored.value, { storeId, path, revision: stored.revision }),
      }
    },
    async put(path, value, expectedRevision) {
      segmentsOf(path)
      const root = await unlockToWrite()
      const binding = { storeId: root.storeId, path, revision: expectedRevision + 1 }
      return inner.put(path, seal(root.key, value, binding), expectedRevision)
    },
    list: (path) => inner.list(path),
    delete: (path, expectedRevision) => inner.delete(path, expectedRevision),
    lock: (name, purpose) => inner.lock(name, purpose),
  }
}
