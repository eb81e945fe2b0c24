import { join } from 'node:path'
import { formatSealHeader, parseSealHeader, type SealHeader } from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { createFile, replaceFile } from './atomic-file.js'
import { exists, removeIfPossible, syncFolder } from './files.js'
import { holdsRecords } from './local.js'
import { storageError } from './permissions.js'
import type { HeaderOpener } from './seals/open.js'
import type { SealMeans } from './seals/seal.js'
import { headerConflict, sealMethods, type StoreSeals } from './seals/store-seals.js'
import type { Lock } from './store.js'

/** The parts of a sealed local store that {@link createStoreSeals} works on. */
interface SealedLocation {
  readonly storeDir: string
  readonly headerFile: string
  readonly readHeader: () => string | undefined
  readonly means: SealMeans
  readonly opener: HeaderOpener
  /** Takes the lock that makes comparing and replacing the header one step. */
  readonly lock: () => Promise<Lock>
  /** Allows this process to use the store while it is being restored. */
  readonly allow: () => void
  /** Called after the header was replaced. */
  readonly changed: () => void
}

/** Returns the seals of a local store. Nothing is read yet. */
export function createStoreSeals(location: SealedLocation): StoreSeals {
  const { storeDir, readHeader, means, opener, allow } = location
  const header = () => {
    const text = readHeader()
    return text === undefined ? undefined : parseSealHeader(text)
  }
  return {
    ...sealMethods(means, opener),
    header: () => Promise.resolve().then(header),
    async replace(expected, wanted) {
      const lock = await location.lock()
      try {
        const text = formatSealHeader(wanted)
        const current = header()
        const currentText = current && formatSealHeader(current)
        if (currentText === text) return
        if (currentText !== formatSealHeader(expected)) throw headerConflict(storeDir)
        writeHeader(location, text)
        location.changed()
      } catch (error) {
        throw storageError(error, location.headerFile)
      } finally {
        await lock.release()
      }
    },
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
          if (isOther()) writeHeader(location, formatSealHeader(wanted))
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

function writeHeader({ headerFile }: SealedLocation, text: string): void {
  const draft = `${headerFile}.draft`
  // A killed command may have left it.
  removeIfPossible(draft)
  replaceFile(headerFile, text, draft)
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
