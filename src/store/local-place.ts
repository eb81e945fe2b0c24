import { unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createFile, replaceFile } from './atomic-file.js'
import { removeIfPossible, syncFolder } from './files.js'
import { assertFoldersAbove } from './folders-above.js'
import {
  createLocalStore,
  holdsRecords,
  locksOf,
  recordPathsIn,
  type LocalStoreOptions,
} from './local.js'
import { awaitLocks } from './lock.js'
import { assertPrivate, storageError } from './permissions.js'
import type { StoredText, StorePlace } from './place.js'
import { readPrivateFile } from './private-file.js'
import { STATE_FILE } from './state.js'

/** Returns the place of the local store in a folder, whose header is in `headerFile`. */
export function createLocalPlace(options: LocalStoreOptions, headerFile: string): StorePlace {
  const { storeDir, lockWaitMs = 60_000, onWait } = options
  return {
    name: storeDir,
    records: createLocalStore(options),
    header: createText(storeDir, headerFile),
    state: createText(storeDir, join(storeDir, STATE_FILE)),
    holdsRecords: () => Promise.resolve().then(() => holdsRecords(storeDir)),
    paths: () => Promise.resolve().then(() => recordPathsIn(storeDir)),
    awaitLocks: (own) => awaitLocks(locksOf(storeDir), own, { waitMs: lockWaitMs, onWait }),
  }
}

/** Two commands never replace the text at the same time: they hold a lock of the store. */
function createText(storeDir: string, file: string): StoredText {
  const read = () => {
    assertFoldersAbove(storeDir, 'keep')
    assertPrivate(storeDir)
    return readPrivateFile(file)
  }
  const replace = (text: string | undefined, expected: string | undefined) => {
    if (read() !== expected) return false
    if (text === undefined) remove(file)
    else if (expected === undefined) return createFile(file, text)
    else replaceWith(file, text)
    return true
  }
  return {
    read: () => Promise.resolve().then(read),
    replace: (text, expected) =>
      Promise.resolve().then(() => {
        try {
          return replace(text, expected)
        } catch (error) {
          throw storageError(error, file)
        }
      }),
  }
}

function remove(file: string): void {
  unlinkSync(file)
  syncFolder(dirname(file))
}

function replaceWith(file: string, text: string): void {
  const draft = `${file}.next`
  // A killed command may have left it.
  removeIfPossible(draft)
  replaceFile(file, text, draft)
}
