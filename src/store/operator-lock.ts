import { KeymgmtError } from '../errors.js'
import type { StorePlace } from './place.js'

/** The lock of the commands that change a store as a whole. Only one of them works at a time. */
export interface OperatorLock {
  /** The name of the lock. */
  readonly name: string
  /** @throws KeymgmtError STORE_LOCKED if another process may have the lock now. */
  assertHeld(): void
  release(): Promise<void>
}

const NAME = 'operator'

/**
 * Acquires the lock of a store for a command of its operator.
 * @throws KeymgmtError STORE_LOCKED, with the name of the holder, if the wait times out.
 */
export async function lockForOperator(
  { name: store, records }: StorePlace,
  purpose: string,
): Promise<OperatorLock> {
  const lock = await records.lock(NAME, purpose)
  return {
    name: NAME,
    assertHeld() {
      if (lock.isHeld()) return
      throw new KeymgmtError('STORE_LOCKED', `this command lost its lock of the store ${store}`, {
        hints: ['run the same command again: it continues where this one stopped'],
      })
    },
    release: () => lock.release(),
  }
}
