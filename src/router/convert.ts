import { durationMs } from '../duration.js'
import { FieldError } from './field-error.js'
import {
  isEmpty,
  isList,
  isObject,
  kindOf,
  textOf,
  withoutLastNewline,
  type RawValue,
} from './values.js'

const TRUE: readonly unknown[] = ['1', 't', 'T', 'true', 'TRUE', 'True']
const FALSE: readonly unknown[] = ['', '0', 'f', 'F', 'false', 'FALSE', 'False']

/** Converts a raw value to a boolean. Accepts every spelling that Vault accepts. */
export function toBoolean(raw: RawValue): boolean {
  if (typeof raw === 'boolean') return raw
  const written = scalarText(raw)
  if (TRUE.includes(written)) return true
  if (FALSE.includes(written)) return false
  throw unexpected('true or false', raw)
}

/**
 * Converts decimal digits to an integer that a double represents exactly. Refuses a leading zero:
 * Vault reads `010` as octal.
 */
export function toInteger(raw: RawValue): number {
  const written = scalarText(raw)
  if (written === '') return 0
  if (written === undefined || !/^[+-]?(0|[1-9]\d*)$/.test(written))
    throw unexpected('a whole number', raw)
  const value = Number(written)
  if (!Number.isSafeInteger(value)) throw unexpected('a whole number of at most 15 digits', raw)
  // Negative zero becomes zero.
  return value + 0
}

/**
 * Converts a duration in one of Vault's forms to whole seconds. Refuses an empty text, which Vault
 * reads as 0: it may come from an unset variable in a script.
 */
export function toSeconds(raw: RawValue): number {
  const milliseconds = durationMs(scalarText(raw) ?? '')
  if (milliseconds === undefined) throw unexpected('a duration such as 90s, 12h or 30d', raw)
  // Decimals of an hour, such as 1.1h, have a rounding error.
  const seconds = Number((milliseconds / 1_000).toFixed(6))
  if (Number.isInteger(seconds)) return seconds
  throw unexpected('whole seconds', raw)
}

/** A time in RFC 3339. Without its offset, JavaScript would use the zone of this machine. */
const TIME = /^(\d{4}-\d\d)-(\d\d)T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i

/** Converts a time in RFC 3339 to a date. */
export function toTime(raw: RawValue): Date {
  const written = scalarText(raw) ?? ''
  const [, month, day] = TIME.exec(written) ?? []
  const time = new Date(written)
  // JavaScript reads the 30th of February as a day in March.
  const isDay = month !== undefined && new Date(`${month}-${day}`).getUTCDate() === Number(day)
  if (!isDay || Number.isNaN(time.getTime()))
    throw unexpected('a time such as 2027-01-31T12:00:00Z', raw)
  return time
}

/** Converts a raw value to text, untrimmed. The error never repeats the value. */
export function toText(raw: RawValue): string {
  const written = scalarText(raw)
  if (written === undefined) throw unexpected('text', raw)
  return written
}

/**
 * Does not accept an empty file or standard input where an empty text removes a value: the command
 * that was to write it may have failed. Otherwise the same as {@link toText}.
 */
export function toClearableText(raw: RawValue): string {
  const written = toText(raw)
  if (!(raw instanceof Uint8Array) || written.trim() !== '') return written
  throw new FieldError('the file or standard input is empty', [
    'to remove the value, write the name and "=" only',
  ])
}

/**
 * Converts a raw value to a list of texts: the elements of a list, or the parts of a text between
 * commas.
 */
export function toSlice(raw: RawValue): readonly string[] {
  if (isList(raw)) return raw.map((element) => toText(element).trim())
  const written = toText(raw)
  return written === '' ? [] : written.split(',').map((element) => element.trim())
}

/**
 * Converts a raw value to pairs of name and value: objects, texts such as `name=value`, or a list
 * of these. The last of two equal names wins, and an empty value has no pairs. The error never
 * repeats any part of the value, which may be a credential.
 */
export function toPairs(raw: RawValue): ReadonlyMap<string, string> {
  if (isEmpty(raw)) return new Map()
  return new Map((isList(raw) ? raw : [raw]).flatMap(pairsOf))
}

function pairsOf(raw: RawValue): readonly (readonly [string, string])[] {
  if (raw === null) return []
  if (isObject(raw)) return [...raw].map(([name, value]) => [name, toText(value)])
  const pair = toText(raw)
  const at = pair.indexOf('=')
  if (at < 1) throw new FieldError('expected name=value')
  return [[pair.slice(0, at), pair.slice(at + 1)]]
}

/**
 * Returns the text of a raw value; undefined for a boolean, a list or an object. Removes the last
 * newline of a file, and replaces invalid UTF-8 by U+FFFD, as Vault does.
 */
export function scalarText(raw: RawValue): string | undefined {
  if (raw === null) return ''
  if (typeof raw === 'string') return raw
  if (typeof raw === 'number') return String(raw)
  return raw instanceof Uint8Array ? textOf(withoutLastNewline(raw)) : undefined
}

function unexpected(expected: string, raw: RawValue): FieldError {
  const written = scalarText(raw)
  return new FieldError(
    (shown) => `expected ${expected}, not ${written === undefined ? kindOf(raw) : shown(written)}`,
  )
}
