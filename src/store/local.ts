import { readdirSync, readFileSync, renameSync, rmSync, unlinkSync, type Dirent } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { KeymgmtError } from '../errors.js'
import { conflict } from './conflict.js'
import { fileFor, folderFor, segmentFor } from './file-names.js'
import { makeFolder, syncFolder } from './files.js'
import { takeLock, type LockHolder } from './lock.js'
import { assertPrivate, assertPrivateFolders, storageError } from './permissions.js'
import type { Store, StoredRecord } from './store.js'

/** Where the records live, and how others are waited for. */
export interface LocalStoreOptions {
  /** A folder of this user's alone; it is made when the first record is. */
  readonly home: string
  /** How long a lock is waited for: 60,000 unless given. */
  readonly lockWaitMs?: number | undefined
  /** Told once when a lock has been waited for for a second. */
  readonly onWait?: ((holder: LockHolder) => void) | undefined
}

interface RecordFile {
  readonly format: 1
  readonly revision: number
  /** Base64. */
  readonly sealed: string
}

/** A store of one file for each record, below `home`/store, mode 0600 in folders of mode 0700. */
export function createLocalStore({ home: place, lockWaitMs = 60_000, onWait }: LocalStoreOptions): Store {
  const home = resolve(place)
  const root = recordsFolder(home)
  const fileOf = (path: string) => fileFor(root, path, '.json')
  const read = (path: string) => readRecord(home, path, fileOf(path))
  const lock = (name: string, purpose: string) => {
    assertPrivateFolders(home, join(home, 'locks'))
    return takeLock(fileFor(join(home, 'locks'), name, '.lock'), purpose, { waitMs: lockWaitMs, onWait })
  }
  /** Callers hold locks of their own; this one keeps two that don't from both winning the same revision. */
  const guarded = async (path: string, expected: number, change: (file: string) => Promise<void> | void) => {
    const assertRevision = () => {
      if ((read(path)?.revision ?? 0) !== expected) throw conflict(path)
    }
    assertRevision()
    const guard = await lock(`record/${path}`, `write ${path}`)
    try {
      assertRevision()
      await change(fileOf(path))
    } catch (error) {
      throw storageError(error, fileOf(path))
    } finally {
      await guard.release()
    }
  }
  return {
    async get(path) {
      await Promise.resolve()
      return read(path)
    },
    async put(path, value, expectedRevision) {
      const revision = expectedRevision + 1
      await guarded(path, expectedRevision, (file) => {
        makeFolder(dirname(file))
        assertPrivateFolders(home, dirname(file))
        return writeRecord(file, { format: 1, revision, sealed: Buffer.from(value).toString('base64') })
      })
      return revision
    },
    async list(path) {
      await Promise.resolve()
      const folder = folderFor(root, path, '.json')
      assertPrivateFolders(home, folder)
      return namesIn(folder)
    },
    async delete(path, expectedRevision) {
      if (expectedRevision === 0) throw conflict(path)
      await guarded(path, expectedRevision, (file) => {
        unlinkSync(file)
        syncFolder(dirname(file))
      })
    },
    async lock(name, purpose) {
      return lock(name, purpose)
    },
  }
}

/** Whether the local store at `home` holds any record. */
export function holdsRecords(home: string): boolean {
  return namesIn(recordsFolder(home)).length > 0
}

function recordsFolder(home: string): string {
  return join(home, 'store')
}

function readRecord(home: string, path: string, file: string): StoredRecord | undefined {
  assertPrivateFolders(home, dirname(file))
  assertPrivate(file)
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw storageError(error, file)
  }
  const { revision, sealed } = parseRecord(path, file, text)
  return { revision, value: Buffer.from(sealed, 'base64') }
}

function parseRecord(path: string, file: string, text: string): RecordFile {
  const { format, revision, sealed } = parseObject(text)
  if (typeof format === 'number' && format > 1) {
    throw new KeymgmtError('STORE_VERSION', `the record ${path} was written by a newer keymgmt (format ${format})`, { hints: ['use that version'] })
  }
  const isRevision = typeof revision === 'number' && Number.isSafeInteger(revision) && revision > 0
  if (format === 1 && isRevision && typeof sealed === 'string' && Buffer.from(sealed, 'base64').toString('base64') === sealed) {
    return { format, revision, sealed }
  }
  throw new KeymgmtError('STORE_CORRUPT', `the record ${path} is damaged: ${file}`, { hints: ['restore that file from a backup; nothing was changed'] })
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/**
 * conf writes whole files, synced and renamed into place; but it takes a write cut short by a full disk for a whole one.
 * So the file is written beside the record, and takes its place once it has been read back.
 */
async function writeRecord(file: string, record: RecordFile): Promise<void> {
  const draft = `${file}!new`
  try {
    // What a command that died has left here would be parsed.
    rmSync(draft, { force: true })
    await writeWithConf(draft, record)
    assertWhole(draft, record)
    renameSync(draft, file)
  } finally {
    rmSync(draft, { force: true })
  }
  syncFolder(dirname(file))
}

async function writeWithConf(file: string, record: RecordFile): Promise<void> {
  // Loading conf takes longer than reading a record.
  const { default: Conf } = await import('conf')
  const conf = new Conf<Record<string, unknown>>({
    cwd: dirname(file),
    configName: basename(file),
    fileExtension: '',
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    projectName: 'keymgmt',
  })
  // Under SNAP (set for all that a snap's terminal or Node starts) conf neither syncs nor renames.
  const { SNAP } = process.env
  delete process.env.SNAP
  try {
    conf.store = { ...record }
  } finally {
    if (SNAP !== undefined) process.env.SNAP = SNAP
  }
}

function assertWhole(file: string, record: RecordFile): void {
  const written = parseObject(readFileSync(file, 'utf8'))
  if (written.sealed === record.sealed && written.revision === record.revision) return
  throw Object.assign(new Error('the file was cut short'), { code: 'ENOSPC' })
}

function namesIn(folder: string): string[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return []
    throw storageError(error, folder)
  }
  const names = entries.flatMap((entry) => {
    if (entry.isFile()) return entry.name.endsWith('.json') ? [entry.name.slice(0, -'.json'.length)] : []
    return entry.isDirectory() && namesIn(join(folder, entry.name)).length > 0 ? [entry.name] : []
  })
  return [...new Set(names.map(segmentFor))].sort()
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}
