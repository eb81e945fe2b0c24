import { join } from 'node:path'
import { parseSealHeader, type RootKey, type SealHeader } from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { createFile, replaceFile } from './atomic-file.js'
import { formatHeader } from './header.js'
import { exists, removeIfPossible, syncFolder } from './files.js'
import { holdsRecords } from './local.js'
import { storageError } from './permissions.js'

/** Access to the seals of a store, for snapshots of it. */
export interface StoreSeals {
  /** The seal header; undefined if the store doesn't exist. */
  header(): Promise<SealHeader | undefined>
  /**
   * Opens a header, of this store or of another one, with the keyfile or the passphrase of this
   * location. The key belongs to the store, which keeps it.
   * @throws KeymgmtError STORE_SEALED
   */
  open(header: SealHeader): Promise<RootKey>
  /**
   * Runs `restore`, which brings the store to the state of a snapshot with this header, and calls
   * `begin` before its first change. A location without records then takes the header, and with it
   * the store's id and seals. From then on every other command is refused until `restore` is done,
   * also after a kill in the middle.
   * @throws KeymgmtError SNAPSHOT_REFUSED if the location has records of another store.
   */
  restoring<T>(header: SealHeader, restore: (begin: () => Promise<void>) => Promise<T>): Promise<T>
}

/** The parts of a sealed local store that {@link createStoreSeals} works on. */
interface SealedLocation {
  readonly storeDir: string
  readonly headerFile: string
  readonly readHeader: () => string | undefined
  readonly open: (header: SealHeader) => Promise<RootKey>
  /** Allows this process to use the store while it is being restored. */
  readonly allow: () => void
}

/** Returns the seals of a local store. Nothing is read yet. */
export function createStoreSeals(location: SealedLocation): StoreSeals {
  const { storeDir, readHeader, open, allow } = location
  const header = () => {
    const text = readHeader()
    return text === undefined ? undefined : parseSealHeader(text)
  }
  return {
    header: () => Promise.resolve().then(header),
    open,
    async restoring(wanted, restore) {
      const isOther = () => header()?.store_id !== wanted.store_id
      const assertReplaceable = () => {
        if (isOther() && holdsRecords(storeDir)) throw otherStoreError(storeDir, wanted)
      }
      assertReplaceable()
      allow()
      let finish: () => void = () => undefined
      const begin = () => {
        finish = () => {
          removeIfPossible(markOf(storeDir))
          syncFolder(storeDir)
        }
        assertReplaceable()
        try {
          createFile(markOf(storeDir), `${wanted.store_id}\n`)
          if (isOther()) writeHeader(location, wanted)
        } catch (error) {
          throw storageError(error, storeDir)
        }
      }
      const result = await restore(() => Promise.resolve().then(begin))
      finish()
      return result
    },
  }
}

/** A header without records may be there: it seals nothing. */
function writeHeader({ headerFile }: SealedLocation, header: SealHeader): void {
  const draft = `${headerFile}.restored`
  // A killed restore may have left it.
  removeIfPossible(draft)
  replaceFile(headerFile, formatHeader(header), draft)
}

/**
 * Refuses a store whose restore was interrupted: some of its records are older than others.
 * @throws KeymgmtError STORE_UNAVAILABLE
 */
export function assertRestored(storeDir: string): void {
  if (exists(markOf(storeDir))) throw unfinishedError(storeDir)
}

/** The error of a store that some records of a snapshot were restored to. */
export function unfinishedError(store: string): KeymgmtError {
  return new KeymgmtError(
    'STORE_UNAVAILABLE',
    `the store ${store} is being restored, or its restore was interrupted`,
    {
      hints: ['run the restore again: keymgmt operator snapshot restore FILE; nothing was changed'],
    },
  )
}

/** Exists while a restore is under way. */
function markOf(storeDir: string): string {
  return join(storeDir, 'restore-unfinished')
}

/** The error of a snapshot of another store than the one at a location with records. */
export function otherStoreError(store: string, { store_id }: SealHeader): KeymgmtError {
  return new KeymgmtError(
    'SNAPSHOT_REFUSED',
    `the snapshot is of the store ${store_id}, and ${store} has records of another store`,
    {
      hints: [
        'restore it to an empty location: KEYMGMT_HOME=/path/to/empty/folder; nothing was changed',
      ],
    },
  )
}
