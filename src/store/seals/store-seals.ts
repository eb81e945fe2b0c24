import type { RootKey, SealHeader } from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import { createSeals, rewrapHeader } from './create.js'
import type { SealName } from './index.js'
import type { HeaderOpener } from './open.js'
import type { NewSeal, SealMeans } from './seal.js'

/** Access to the seals of a store. */
export interface StoreSeals extends HeaderOpener {
  /** Returns the seal header; undefined if the store doesn't exist. */
  header(): Promise<SealHeader | undefined>
  /**
   * Wraps the root key with new seals, each of which has opened it once. Changes only files that a
   * seal needs, such as a keyfile: `replace` makes the seals part of the store.
   * @throws KeymgmtError SEAL_REFUSED, and the errors of the means of each seal.
   */
  create(root: RootKey, names: readonly SealName[]): Promise<readonly NewSeal[]>
  /**
   * Returns the header with the same seals, which wrap another root key of the same store. Changes
   * nothing: `replace` makes it the header of the store.
   * @throws KeymgmtError if the means of a seal are missing or wrong here.
   */
  rewrap(header: SealHeader, root: RootKey): Promise<SealHeader>
  /**
   * Replaces the header of the store, if it is still `expected`. Succeeds also if the store already
   * has the new header. The caller holds the lock of the commands that change the whole store,
   * because a local store compares and replaces in two steps.
   * @throws KeymgmtError STORE_CONFLICT if another command changed it.
   */
  replace(expected: SealHeader, header: SealHeader): Promise<void>
  /**
   * Runs `restore`, which brings the store to the state of a snapshot with this header, and calls
   * `begin` before its first change. A location without records then takes the header, and with it
   * the store's id and seals. From then on every other command is refused until `restore` is done,
   * also after a kill in the middle.
   * @throws KeymgmtError SNAPSHOT_REFUSED if the location has records of another store.
   */
  restoring<T>(header: SealHeader, restore: (begin: () => Promise<void>) => Promise<T>): Promise<T>
}

/** Returns the methods of {@link StoreSeals} that don't depend on where the store is. */
export function sealMethods(
  means: SealMeans,
  opener: HeaderOpener,
): Pick<StoreSeals, 'open' | 'probe' | 'create' | 'rewrap'> {
  return {
    ...opener,
    create: (root, names) => createSeals(root, names, means),
    rewrap: (header, root) => rewrapHeader(header, root, means),
  }
}

/** The error of a header that another command changed meanwhile. */
export function headerConflict(store: string): KeymgmtError {
  return new KeymgmtError('STORE_CONFLICT', `another command changed the seals of ${store}`, {
    hints: ['run the same command again'],
  })
}

/** The error of creating a store where one exists. */
export function storeExistsError(store: string): KeymgmtError {
  return new KeymgmtError('STORE_EXISTS', `a store already exists in ${store}`, {
    hints: ['to see its seals: keymgmt status; nothing was changed'],
  })
}
