import { parseSealHeader, type SealHeader } from '../crypto/root-key.js'
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
 * @throws KeymgmtError STORE_LOCKED, with the name of the holder, if the wait times out;
 * STORE_UNAVAILABLE if there is no store.
 */
export async function lockForOperator(place: StorePlace, purpose: string): Promise<OperatorLock> {
  const { name: store, records } = place
  // Locking a store that does not exist would create its folder.
  await readHeader(place)
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

/** Returns the header. @throws KeymgmtError STORE_UNAVAILABLE if there is no store. */
export async function readHeader({ name, header }: StorePlace): Promise<SealHeader> {
  const text = await header.read()
  if (text !== undefined) return parseSealHeader(text)
  throw missingStoreError(name)
}

/** The error of a store that does not exist. */
export function missingStoreError(store: string): KeymgmtError {
  return new KeymgmtError('STORE_UNAVAILABLE', `there is no store in ${store}`, {
    hints: [
      'check KEYMGMT_STORE, KEYMGMT_HOME and the setting store: keymgmt config',
      'to create a store there: keymgmt operator init',
    ],
  })
}
