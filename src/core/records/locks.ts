import type { Store } from '../../store/store.js'
import { recordPath } from './model.js'

/** Runs `use` while no other command can work on the key. Commands that wait show `purpose`. */
export function withKeyLock<T>(
  store: Store,
  key: string,
  purpose: string,
  use: () => Promise<T>,
): Promise<T> {
  return withLock(store, recordPath.key(key), purpose, use)
}

/** Runs `use` while no other command can change or delete the provider. */
export function withProviderLock<T>(
  store: Store,
  providerName: string,
  purpose: string,
  use: () => Promise<T>,
): Promise<T> {
  return withLock(store, recordPath.provider(providerName), purpose, use)
}

/**
 * Runs `use` while no other command can adopt a KMS key. If two commands adopt the same KMS key,
 * the second one sees the record of the first.
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
