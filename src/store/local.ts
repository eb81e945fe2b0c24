import { randomUUID } from 'node:crypto'
import { readdirSync, unlinkSync, type Dirent } from 'node:fs'
import { dirname, join } from 'node:path'
import { createFile } from './atomic-file.js'
import { conflict } from './conflict.js'
import { fileOf, folderOf, nameOfFile, nameOfFolder } from './file-names.js'
import { syncFolder, syncFoldersAbove } from './files.js'
import { assertFoldersAbove } from './folders-above.js'
import type { HeldLock } from './lock.js'
import { segmentsOf } from './path.js'
import { assertPrivate, assertPrivateBelow, storageError } from './permissions.js'
import { readPrivateFile } from './private-file.js'
import { readRecordFile, writeRecordFile, type NumberedRecord } from './record-file.js'
import type { Revision, Store } from './store.js'

/** Options of a local store. */
export interface LocalStoreOptions {
  /** The store's folder, which only this user may access. The first write creates it. */
  readonly storeDir: string
  /** The longest wait for a lock, in milliseconds. The default is one minute. */
  readonly lockWaitMs?: number | undefined
  /** Receives one message for the user if the wait for a lock exceeds a second. */
  readonly onWait?: ((message: string) => void) | undefined
}

/**
 * Creates a store with one file for each record below `storeDir`/store, mode 0600 in folders of
 * mode 0700. The first lock also removes what killed commands left behind.
 */
export function createLocalStore(options: LocalStoreOptions): Store {
  const { storeDir } = options
  const root = join(storeDir, 'store')
  const assertPlace = createPlaceCheck(storeDir)
  const lock = createLocking(options, assertPlace)
  const read = (path: string) => {
    const file = fileOf(root, path)
    assertPlace(dirname(file))
    return readRecordFile(path, file)
  }
  const replace = createReplacing(root, read, lock)
  return {
    id: () => Promise.resolve().then(() => idOf(storeDir)),
    get: (path) =>
      Promise.resolve().then(() => {
        const found = read(path)
        return found && { revision: found.revision, value: found.value }
      }),
    put: (path, value, expected) =>
      replace(path, expected, (file, draft, current) => {
        const number = (current?.number ?? 0) + 1
        const revision = writeRecordFile(file, { number, value }, draft)
        if (!current) syncFoldersAbove(dirname(file))
        return revision
      }),
    list: (path) =>
      Promise.resolve().then(() => {
        const folder = folderOf(root, path)
        assertPlace(folder)
        return namesIn(folder)
      }),
    delete: (path, expected) =>
      replace(path, expected, (file) => {
        unlinkSync(file)
        syncFolder(dirname(file))
      }),
    async lock(name, purpose) {
      segmentsOf(name)
      return lock(name, purpose)
    },
  }
}

/** Checks a folder of the store. The folders above the store don't change while a command runs. */
function createPlaceCheck(storeDir: string): (folder: string) => void {
  let areFoldersChecked = false
  return (folder) => {
    if (!areFoldersChecked) assertFoldersAbove(storeDir, 'keep')
    areFoldersChecked = true
    assertPrivateBelow(storeDir, folder)
  }
}

type Locking = (name: string, purpose: string) => Promise<HeldLock>

function createLocking(
  { storeDir, lockWaitMs = 60_000, onWait }: LocalStoreOptions,
  assertPlace: (folder: string) => void,
): Locking {
  const folder = locksOf(storeDir)
  let tidied: Promise<void> | undefined
  return async (name, purpose) => {
    assertPlace(folder)
    // Only writes need this module. Reads take no lock.
    const { takeLock, tidyLocks } = await import('./lock.js')
    await (tidied ??= tidyLocks(folder))
    return takeLock(folder, name, purpose, { waitMs: lockWaitMs, onWait })
  }
}

/** The folder of the locks. */
export function locksOf(storeDir: string): string {
  return join(storeDir, 'locks')
}

/** Callers may hold their own locks. This lock makes comparing and writing one step. */
function createReplacing(
  root: string,
  read: (path: string) => NumberedRecord | undefined,
  lock: Locking,
) {
  return async <T>(
    path: string,
    expected: Revision | undefined,
    write: (file: string, draft: string, current: NumberedRecord | undefined) => T,
  ): Promise<T> => {
    const file = fileOf(root, path)
    const held = await lock(`record/${path}`, `write ${path}`)
    try {
      const current = read(path)
      if (current?.revision !== expected) throw conflict(path)
      return write(file, held.draft, current)
    } catch (error) {
      throw storageError(error, file)
    } finally {
      await held.release()
    }
  }
}

/** Returns true if the store in `storeDir` has a record. */
export function holdsRecords(storeDir: string): boolean {
  assertPrivate(storeDir)
  return hasRecords(join(storeDir, 'store'))
}

function idOf(storeDir: string): string {
  const file = join(storeDir, 'id')
  assertPrivate(storeDir)
  try {
    return readPrivateFile(file) ?? (createFile(file, randomUUID()), readPrivateFile(file) ?? '')
  } catch (error) {
    throw storageError(error, file)
  }
}

function namesIn(folder: string): string[] {
  const names = entriesOf(folder).flatMap((entry) => {
    if (!entry.isDirectory()) return nameOfFile(entry.name) ?? []
    return hasRecords(join(folder, entry.name)) ? [nameOfFolder(entry.name)] : []
  })
  return [...new Set(names)].sort()
}

/** Returns the paths of all records of the store in `storeDir`. */
export function recordPathsIn(storeDir: string): string[] {
  assertPrivate(storeDir)
  return pathsBelow(join(storeDir, 'store'), [])
}

function pathsBelow(folder: string, segments: readonly string[]): string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = (name: string) => [...segments, name]
    if (entry.isDirectory())
      return pathsBelow(join(folder, entry.name), path(nameOfFolder(entry.name)))
    const name = nameOfFile(entry.name)
    return name === undefined ? [] : [path(name).join('/')]
  })
}

function hasRecords(folder: string): boolean {
  const entries = entriesOf(folder)
  return entries.some((entry) =>
    entry.isDirectory()
      ? hasRecords(join(folder, entry.name))
      : nameOfFile(entry.name) !== undefined,
  )
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw storageError(error, folder)
  }
}
