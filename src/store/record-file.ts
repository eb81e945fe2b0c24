import { readFileSync, renameSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { KeymgmtError } from '../errors.js'
import { makeFolder, removeIfPossible, shortWrite, syncFile, syncFolder } from './files.js'
import { storageError } from './permissions.js'
import type { StoredRecord } from './store.js'

interface RecordFile {
  readonly format: 1
  readonly revision: number
  /** Base64. */
  readonly sealed: string
}

/**
 * The record at `path` that `file` holds, or undefined when there is no such file.
 * @throws KeymgmtError STORE_VERSION when a newer keymgmt wrote it, STORE_CORRUPT when it is
 * damaged.
 */
export function readRecordFile(path: string, file: string): StoredRecord | undefined {
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    throw storageError(error, file)
  }
  const { revision, sealed } = parseRecord(path, file, text)
  return { revision, value: Buffer.from(sealed, 'base64') }
}

function parseRecord(path: string, file: string, text: string): RecordFile {
  const record = parseObject(text)
  if (typeof record.format === 'number' && record.format > 1) {
    throw new KeymgmtError(
      'STORE_VERSION',
      `the record ${path} was written by a newer keymgmt (format ${record.format})`,
      { hints: ['use that version'] },
    )
  }
  const { format, revision, sealed } = record as Partial<RecordFile>
  if (
    format === 1 &&
    Number.isSafeInteger(revision) &&
    Number(revision) > 0 &&
    typeof sealed === 'string'
  )
    return { format, revision: Number(revision), sealed }
  throw new KeymgmtError('STORE_CORRUPT', `the record ${path} is damaged: ${file}`, {
    hints: ['restore that file from a backup; nothing was changed'],
  })
}

/** The object that `text` is in JSON; an empty one when it is none. */
function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>
  } catch {
    return {}
  }
}

/**
 * Writes `record` to `draft`, which nobody else uses, and has it take the place of `file`, durably
 * and whole or not at all. Only a draft that is on the disk and was read back does: conf does not
 * sync where `SNAP` is set, and on a disk that is full a write can come out short without an error.
 */
export async function writeRecordFile(
  file: string,
  { revision, value }: StoredRecord,
  draft: string,
): Promise<void> {
  const record: RecordFile = { format: 1, revision, sealed: Buffer.from(value).toString('base64') }
  // Most commands only read, and need not wait for it.
  const { default: Conf } = await import('conf')
  makeFolder(dirname(file))
  try {
    const conf = new Conf<Record<string, unknown>>({
      cwd: dirname(draft),
      configName: basename(draft),
      fileExtension: '',
      clearInvalidConfig: true,
      configFileMode: 0o600,
      accessPropertiesByDotNotation: false,
      projectName: 'keymgmt',
    })
    conf.store = { ...record }
    syncFile(draft)
    if (!holds(draft, record)) throw shortWrite()
    renameSync(draft, file)
  } catch (error) {
    removeIfPossible(draft)
    throw error
  }
  syncFolder(dirname(file))
}

function holds(file: string, { revision, sealed }: RecordFile): boolean {
  const written = parseObject(readFileSync(file, 'utf8'))
  return written.revision === revision && written.sealed === sealed
}
