import { createHash } from 'node:crypto'
import { KeymgmtError } from '../errors.js'
import { replaceFile } from './atomic-file.js'
import { readPrivateFile } from './private-file.js'
import type { Revision } from './store.js'

const FORMAT = 2

/** The JSON in a record file. */
interface RecordFile {
  readonly format: typeof FORMAT
  /** 1 for a new record, and one more with each put. */
  readonly number: number
  /** Base64. */
  readonly value: string
}

/** A record in a file, and the number from which the next put counts. */
export interface NumberedRecord {
  readonly number: number
  readonly revision: Revision
  readonly value: Uint8Array
}

/**
 * Reads the record at `path` from `file`. Returns undefined if the file doesn't exist.
 * @throws KeymgmtError STORE_VERSION for another format, STORE_CORRUPT for a damaged file,
 * STORE_PERMISSIONS for a link or a file that other users can access, STORE_UNAVAILABLE for one
 * that can't be read.
 */
export function readRecordFile(path: string, file: string): NumberedRecord | undefined {
  const text = readPrivateFile(file)
  if (text === undefined) return undefined
  const { number, value } = parseRecord(path, file, text)
  return { number, revision: revisionOf(number, value), value: Buffer.from(value, 'base64') }
}

/**
 * Writes the record durably with the given number, and returns its revision. `draft` is as for
 * {@link replaceFile}.
 */
export function writeRecordFile(
  file: string,
  { number, value }: Omit<NumberedRecord, 'revision'>,
  draft: string,
): Revision {
  const record: RecordFile = {
    format: FORMAT,
    number,
    value: Buffer.from(value).toString('base64'),
  }
  replaceFile(file, `${JSON.stringify(record)}\n`, draft)
  return revisionOf(number, record.value)
}

/** The digest tells a record apart from an earlier one that was deleted, whose number returns. */
function revisionOf(number: number, value: string): Revision {
  return `${number}-${createHash('sha256').update(value).digest('hex').slice(0, 16)}`
}

function parseRecord(path: string, file: string, text: string): RecordFile {
  const { format, number, value } = parseObject(text)
  if (typeof format === 'number' && format !== FORMAT) {
    const writer = format > FORMAT ? 'a newer' : 'an earlier'
    throw new KeymgmtError(
      'STORE_VERSION',
      `${writer} keymgmt wrote the record ${path} (format ${format}; this one reads format ${FORMAT})`,
      { hints: ['use the version of keymgmt that wrote the record; nothing was changed'] },
    )
  }
  if (
    format === FORMAT &&
    typeof number === 'number' &&
    Number.isSafeInteger(number) &&
    number > 0 &&
    typeof value === 'string'
  )
    return { format, number, value }
  throw new KeymgmtError('STORE_CORRUPT', `the record ${path} is damaged: ${file}`, {
    hints: ['restore the file from a backup; nothing was changed'],
  })
}

/** Parses a JSON object. Returns an empty one if `text` is not JSON or null. */
function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>
  } catch {
    return {}
  }
}
