import type { Store } from '../../store/store.js'
import { recordPath } from './model.js'

/** Runs `use` while no other command touches the key. `purpose` is shown to commands that wait. */
export function withKeyLock<T>(
  store: Store,
  key: string,
  purpose: string,
  use: () => Promise<T>,
): Promise<T> {
  return withLock(store, recordPath.key(key), purpose, use)
}

/** Runs `use` while no other command changes or deletes the provider. */
export function withProviderLock<T>(
  store: Store,
  providerName: string,
  purpose: string,
  use: () => Promise<T>,
): Promise<T> {
  return withLock(store, recordPath.provider(providerName), purpose, use)
}

/**
 * Runs `use` while no other command decides that a KMS key becomes part of a distribution: of two
 * commands that adopt the same KMS key, the second sees what the first has written.
 */
export function withAdoptionLock<T>(
  store: Store,
  purpose: string,
  use: () => Promise<T>,
): Promise<T> {
  return withLock(store, 'adoption', purpose, use)
}

async function withLock<T>(
  store: Store,
  name: string,
  purpose: string,
  use: () => Promise<T>,
): Promise<T> {
  const lock = await store.lock(name, purpose)
  try {
    return await use()
  } finally {
    await lock.release()
  }
}
