import { KeymgmtError } from '../errors.js'
import { readRegularFile, UnsuitableFileError } from '../regular-file.js'
import { parseDuration } from './input/duration.js'

/** Maximum size of the file of a clock, in bytes. */
const MAX_SIZE = 100

/** The greatest offset: dates in AWS's protocol have years of four digits. */
const MAX_OFFSET_MS = 36_500 * 86_400_000

/**
 * Returns the clock of `keymgmt dev -clock=FILE`: the machine's clock plus the duration in the file
 * (`30d`, `-1h`), which each call reads again. A missing or empty file means no offset.
 * @throws KeymgmtError USAGE, when the clock is read, for any other content.
 */
export function clockOf(file: string): () => Date {
  return () => new Date(Date.now() + offsetIn(file))
}

/**
 * Returns the clock of a command that `keymgmt dev -clock` runs; undefined for every other command.
 * @throws KeymgmtError USAGE if the variable is set without `keymgmt dev`: a record with a date
 * from a moved clock would expire, or be renewed, at the wrong time.
 */
export function devClock(
  env: Readonly<Record<string, string | undefined>>,
): (() => Date) | undefined {
  const { KEYMGMT_DEV_CLOCK: file, KEYMGMT_DEV: dev } = env
  if (!file) return undefined
  if (dev === '1') return clockOf(file)
  throw new KeymgmtError('USAGE', 'KEYMGMT_DEV_CLOCK is set, but this is not keymgmt dev', {
    hints: [
      'unset KEYMGMT_DEV_CLOCK',
      'keymgmt dev -clock=FILE sets it for the command that it runs',
    ],
  })
}

function offsetIn(file: string): number {
  const text = read(file)
  const [, sign = '', duration = ''] = /^([+-]?)(.*)$/s.exec(text) ?? []
  if (text === '') return 0
  try {
    const offset = parseDuration('clock', duration)
    if (offset <= MAX_OFFSET_MS) return sign === '-' ? -offset : offset
  } catch {
    // The error below names the file.
  }
  throw invalid(`the file ${file} has no duration of at most 36500d`)
}

function read(file: string): string {
  try {
    return readRegularFile(file, { maxSize: MAX_SIZE }).toString().trim()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return ''
    throw invalid(
      cause instanceof UnsuitableFileError
        ? `${file} ${message}`
        : `${file} can't be read: ${code ?? message}`,
    )
  }
}

function invalid(problem: string): KeymgmtError {
  return new KeymgmtError('USAGE', `the clock of keymgmt dev can't be read: ${problem}`, {
    hints: ['write a duration such as 30d or -1h to the file, or remove it'],
  })
}
