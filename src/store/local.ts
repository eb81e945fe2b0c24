import { randomUUID } from 'node:crypto'
import { readdirSync, unlinkSync, type Dirent } from 'node:fs'
import { dirname, join } from 'node:path'
import { conflict } from './conflict.js'
import { fileOf, folderOf, nameOfFile, nameOfFolder } from './file-names.js'
import { createFile, syncFolder } from './files.js'
import { readPrivate } from './keyfile.js'
import type { HeldLock } from './lock.js'
import { segmentsOf } from './path.js'
import { assertPrivate, assertPrivateBelow, storageError } from './permissions.js'
import { readRecordFile, writeRecordFile } from './record-file.js'
import type { Store } from './store.js'

/** Where the records live, and how others are waited for. */
export interface LocalStoreOptions {
  /** A folder of this user's alone; it is made when the first record is. */
  readonly home: string
  /** How long a lock is waited for; a minute unless given. */
  readonly lockWaitMs?: number | undefined
  /** Told once, in words for a person, when a lock is waited for longer than a second. */
  readonly onWait?: ((message: string) => void) | undefined
}

/**
 * A store of one file for each record, below `home`/store, mode 0600 in folders of mode 0700. The
 * first lock that it takes also removes what commands that died have left behind.
 */
export function createLocalStore({ home, lockWaitMs = 60_000, onWait }: LocalStoreOptions): Store {
  const root = join(home, 'store')
  const locks = join(home, 'locks')
  let tidied: Promise<void> | undefined
  const lock = async (name: string, purpose: string): Promise<HeldLock> => {
    assertPrivateBelow(home, locks)
    // Loaded by those who change something: to read takes no lock.
    const { takeLock, tidyLocks } = await import('./lock.js')
    await (tidied ??= tidyLocks(locks))
    return takeLock(locks, name, purpose, { waitMs: lockWaitMs, onWait })
  }
  const read = (path: string) => {
    const file = fileOf(root, path)
    assertPrivateBelow(home, file)
    return readRecordFile(path, file)
  }
  /**
   * Callers hold locks of their own; this one keeps two that don't from both winning the same
   * revision.
   */
  const guarded = async (
    path: string,
    expected: number,
    change: (file: string, draft: string) => Promise<void> | void,
  ) => {
    const file = fileOf(root, path)
    const guard = await lock(`record/${path}`, `write ${path}`)
    try {
      if ((read(path)?.revision ?? 0) !== expected) throw conflict(path)
      await change(file, guard.draft)
    } catch (error) {
      throw storageError(error, file)
    } finally {
      await guard.release()
    }
  }
  return {
    id: () => Promise.resolve().then(() => idOf(home)),
    get: (path) => Promise.resolve().then(() => read(path)),
    async put(path, value, expectedRevision) {
      const revision = expectedRevision + 1
      await guarded(path, expectedRevision, (file, draft) =>
        writeRecordFile(file, { revision, value }, draft),
      )
      return revision
    },
    list: (path) =>
      Promise.resolve().then(() => {
        const folder = folderOf(root, path)
        assertPrivateBelow(home, folder)
        return namesIn(folder)
      }),
    async delete(path, expectedRevision) {
      segmentsOf(path)
      if (expectedRevision === 0) throw conflict(path)
      await guarded(path, expectedRevision, (file) => {
        unlinkSync(file)
        syncFolder(dirname(file))
      })
    },
    async lock(name, purpose) {
      segmentsOf(name)
      return lock(name, purpose)
    },
  }
}

/** Whether the store at `home` has any record. */
export function holdsRecords(home: string): boolean {
  assertPrivate(home)
  return hasRecords(join(home, 'store'))
}

function idOf(home: string): string {
  const file = join(home, 'id')
  assertPrivate(home)
  try {
    return readPrivate(file) ?? (createFile(file, randomUUID()), readPrivate(file) ?? '')
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
