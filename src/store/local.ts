import Conf from 'conf'
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync, type Dirent } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { KeymgmtError } from '../errors.js'
import { conflict } from './conflict.js'
import { takeLock, type LockHolder } from './lock.js'
import { assertPrivate, storageError } from './permissions.js'
import type { Store, StoredRecord } from './store.js'

/** Where the records live, and how others are waited for. */
export interface LocalStoreOptions {
  /** A folder of this user's alone; it is made when the first record is. */
  readonly home: string
  readonly lockWaitMs?: number | undefined
  readonly onWait?: ((holder: LockHolder) => void) | undefined
}

interface RecordFile {
  readonly format: number
  readonly revision: number
  /** Base64. */
  readonly sealed: string
}

/** A store of one file for each record, below `home`/store, mode 0600 in folders of mode 0700. */
export function createLocalStore({ home, lockWaitMs = 60_000, onWait }: LocalStoreOptions): Store {
  const root = join(home, 'store')
  const fileOf = (path: string) => `${join(root, escapeCase(path))}.json`
  const revisionOf = (path: string) => readRecord(home, path, fileOf(path))?.revision ?? 0
  const lock = (name: string, purpose: string) => {
    assertPrivate(home)
    return takeLock(join(home, 'locks', `${escapeCase(name)}.lock`), purpose, { waitMs: lockWaitMs, onWait })
  }
  /** Callers hold locks of their own; this one keeps two that don't from both winning the same revision. */
  const guarded = async <T>(path: string, expected: number, change: () => T): Promise<T> => {
    const guard = await lock(`record/${path}`, `write ${path}`)
    try {
      if (revisionOf(path) !== expected) throw conflict(path)
      return change()
    } catch (error) {
      throw storageError(error, fileOf(path))
    } finally {
      await guard.release()
    }
  }
  return {
    id: () => Promise.resolve(home),
    async get(path) {
      await Promise.resolve()
      return readRecord(home, path, fileOf(path))
    },
    put: (path, value, expectedRevision) =>
      guarded(path, expectedRevision, () => {
        const file = fileOf(path)
        makeFolders(home, dirname(file))
        writeRecord(file, { format: 1, revision: expectedRevision + 1, sealed: Buffer.from(value).toString('base64') })
        return expectedRevision + 1
      }),
    async list(path) {
      await Promise.resolve()
      return namesIn(join(root, escapeCase(path)))
    },
    async delete(path, expectedRevision) {
      if (expectedRevision === 0) throw conflict(path)
      await guarded(path, expectedRevision, () => {
        unlinkSync(fileOf(path))
        syncFolder(dirname(fileOf(path)))
      })
    },
    lock,
  }
}

/** `App` and `app` are two names, also on a disk that does not tell them apart. The way of Go's module cache. */
function escapeCase(path: string): string {
  return path.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
}

function unescapeCase(name: string): string {
  return name.replace(/!([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function readRecord(home: string, path: string, file: string): StoredRecord | undefined {
  assertPrivate(home)
  assertPrivate(file)
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw storageError(error, file)
  }
  const { format, revision, sealed } = parseRecord(path, file, text)
  if (format > 1) {
    throw new KeymgmtError('STORE_VERSION', `the record ${path} was written by a newer keymgmt (format ${format})`, { hints: ['use that version'] })
  }
  return { revision, value: Buffer.from(sealed, 'base64') }
}

function parseRecord(path: string, file: string, text: string): RecordFile {
  try {
    const { format, revision, sealed } = JSON.parse(text) as Partial<RecordFile>
    if (Number.isSafeInteger(format) && Number.isSafeInteger(revision) && typeof sealed === 'string') {
      return { format: Number(format), revision: Number(revision), sealed }
    }
  } catch {
    // What follows says all that there is to say.
  }
  throw new KeymgmtError('STORE_CORRUPT', `the record ${path} is damaged: ${file}`, { hints: ['restore that file from a backup; nothing was changed'] })
}

/**
 * conf writes and syncs a draft beside the record, which takes its place only after it was read back: on a disk that
 * is full a write can come out short without an error, and must not replace what was good.
 */
function writeRecord(file: string, record: RecordFile): void {
  const draft = `${file.slice(0, -'.json'.length)}.draft`
  const conf = new Conf<Record<string, unknown>>({
    cwd: dirname(file),
    configName: basename(draft, '.draft'),
    fileExtension: 'draft',
    clearInvalidConfig: true,
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    projectName: 'keymgmt',
  })
  conf.store = { ...record }
  if (!holds(draft, record)) {
    unlinkSync(draft)
    throw Object.assign(new Error('short write'), { code: 'ENOSPC' })
  }
  renameSync(draft, file)
  syncFolder(dirname(file))
}

function holds(file: string, { revision, sealed }: RecordFile): boolean {
  try {
    const written = JSON.parse(readFileSync(file, 'utf8')) as Partial<RecordFile>
    return written.revision === revision && written.sealed === sealed
  } catch {
    return false
  }
}

/** A rename lasts through a power cut once its folder is on the disk. Windows has no such call, and no need of it. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function makeFolders(home: string, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (let current = folder; current.length >= home.length; current = dirname(current)) assertPrivate(current)
}

function namesIn(folder: string): string[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw storageError(error, folder)
  }
  const names = entries.flatMap((entry) => {
    if (entry.isFile()) return entry.name.endsWith('.json') ? [entry.name.slice(0, -'.json'.length)] : []
    return namesIn(join(folder, entry.name)).length > 0 ? [entry.name] : []
  })
  return [...new Set(names.map(unescapeCase))].sort()
}
