import { ConversionError } from './field-error.js'
import { isList, isObject, textOf, type RawValue } from './values.js'

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE = new Set(['', '0', 'f', 'F', 'false', 'FALSE', 'False'])
const GO_INTEGER =
  /^([+-]?)(?:0[xX]((?:_?[\da-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]((?:_?[0-7])+)|0((?:_?[0-7])*)|([1-9](?:_?\d)*))$/

/** A raw value as a boolean, by the rules of Go's `strconv.ParseBool`. */
export function toBoolean(raw: RawValue): boolean {
  if (raw === null) return false
  if (typeof raw === 'boolean') return raw
  const written = scalarText(raw)
  if (written === undefined) throw unconvertible('', 'bool', raw)
  if (TRUE.has(written)) return true
  if (FALSE.has(written)) return false
  throw new ConversionError(
    `cannot parse '' as bool: strconv.ParseBool: parsing ${goQuote(written)}: invalid syntax`,
  )
}

/**
 * A raw value as an integer, by the rules of Go's `strconv.ParseInt` with base 0; never one that a
 * double rounds.
 */
export function toInteger(raw: RawValue): number {
  if (raw === null) return 0
  if (typeof raw === 'boolean') return raw ? 1 : 0
  const written = scalarText(raw)
  if (written === undefined) throw unconvertible('', 'int', raw)
  if (written === '') return 0
  const match = GO_INTEGER.exec(written)
  if (match === null) throw integerError(written, 'invalid syntax')
  const value = integerOf(match)
  if (!Number.isSafeInteger(value)) throw integerError(written, 'value out of range')
  return value
}

function integerOf(match: RegExpExecArray): number {
  const [, sign, hex, binary, octal, leadingZero, decimal] = match
  const digits = hex ?? binary ?? octal ?? leadingZero ?? decimal ?? ''
  const base = hex !== undefined ? 16 : binary !== undefined ? 2 : decimal !== undefined ? 10 : 8
  const magnitude = Number.parseInt(`0${digits.replaceAll('_', '')}`, base)
  // `0 - 0` keeps the negative zero of `-0` out of answers.
  return sign === '-' ? 0 - magnitude : magnitude
}

function integerError(written: string, reason: string): ConversionError {
  return new ConversionError(
    `cannot parse '' as int: strconv.ParseInt: parsing ${goQuote(written)}: ${reason}`,
  )
}

/** A raw value as text, untrimmed. */
export function toText(raw: RawValue): string {
  const converted = weakText(raw)
  if (converted === undefined) throw unconvertible('', 'string', raw)
  return converted
}

/**
 * A raw value as a list of texts: a string is split at its commas, the elements of a list are not.
 */
export function toSlice(raw: RawValue): readonly string[] {
  if (raw === null || raw === '') return []
  if (typeof raw === 'string') return raw.split(',').map((element) => element.trim())
  return textElements(raw, false).map((element) => element.trim())
}

/**
 * A raw value as name and value pairs, the last of a name winning.
 * What it throws never holds any part of the raw value, which may be a credential.
 */
export function toPairs(raw: RawValue): ReadonlyMap<string, string> {
  return mapPairs(raw) ?? new Map(textElements(raw, true).map(splitPair))
}

function mapPairs(raw: RawValue): ReadonlyMap<string, string> | undefined {
  if (raw === null) return new Map()
  const maps = isList(raw) ? raw : [raw]
  const pairs = new Map<string, string>()
  for (const map of maps) {
    if (map === null) continue
    if (!isObject(map)) return undefined
    for (const [name, value] of map) {
      const converted = weakText(value)
      if (converted === undefined) return undefined
      pairs.set(name, converted)
    }
  }
  return pairs
}

function splitPair(pair: string): readonly [string, string] {
  const at = pair.indexOf('=')
  if (at < 1) throw new ConversionError('invalid key pair')
  return [pair.slice(0, at), pair.slice(at + 1)]
}

function textElements(raw: RawValue, secret: boolean): readonly string[] {
  if (isObject(raw) && raw.size === 0) return []
  const elements = isList(raw) ? raw : [raw]
  const failures: string[] = []
  const texts = elements.map((element, index) => {
    const converted = weakText(element)
    if (converted === undefined)
      failures.push(unconvertible(`[${index}]`, 'string', element, secret).message)
    return converted ?? ''
  })
  if (failures.length === 0) return texts
  const list = failures.map((failure) => `* ${failure}`).join('\n')
  throw new ConversionError(`${failures.length} error(s) decoding:\n\n${list}`)
}

function scalarText(raw: RawValue): string | undefined {
  if (typeof raw === 'string') return raw
  if (raw === null || typeof raw === 'boolean' || isList(raw) || isObject(raw)) return undefined
  return raw instanceof Uint8Array ? textOf(raw) : raw.number
}

function weakText(raw: RawValue): string | undefined {
  if (raw === null) return ''
  if (typeof raw === 'boolean') return raw ? '1' : '0'
  return scalarText(raw)
}

function unconvertible(at: string, type: string, raw: RawValue, secret = false): ConversionError {
  const got = isList(raw) ? '[]interface {}' : 'map[string]interface {}'
  const value = secret ? '' : `, value: '${goFormat(raw)}'`
  return new ConversionError(
    `'${at}' expected type '${type}', got unconvertible type '${got}'${value}`,
  )
}

/** A raw value as Go's `%v` prints it. */
export function goFormat(raw: RawValue, depth = 0): string {
  // Nesting this deep is only ever hostile, and would overflow the stack.
  if (depth > 100) return '…'
  if (raw === null) return '<nil>'
  if (typeof raw === 'boolean') return raw ? 'true' : 'false'
  if (isList(raw)) return `[${raw.map((element) => goFormat(element, depth + 1)).join(' ')}]`
  if (!isObject(raw)) return scalarText(raw) ?? ''
  const names = [...raw.keys()].sort()
  return `map[${names.map((name) => `${name}:${goFormat(raw.get(name) ?? null, depth + 1)}`).join(' ')}]`
}

const GO_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** Text in double quotes, with what is not printable escaped, as Go's `%q` prints it. */
export function goQuote(written: string): string {
  const escaped = written.replace(/["\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    if (code < 0x80) return GO_ESCAPES[character] ?? `\\x${code.toString(16).padStart(2, '0')}`
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
  return `"${escaped}"`
}
