import { isList, isObject, textOf, type RawValue } from '../../../src/router/values.js'

/** JSON text as a raw value; a bare number is kept as written when it is the whole text. */
export function raw(json: string): RawValue {
  return /^-?\d/.test(json) ? { number: json } : rawOf(JSON.parse(json))
}

/** A parsed JSON value as a raw value. */
export function rawOf(value: unknown): RawValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return { number: String(value) }
  if (Array.isArray(value)) return value.map(rawOf)
  if (typeof value === 'object')
    return new Map(Object.entries(value).map(([name, inner]) => [name, rawOf(inner)]))
  throw new TypeError('not JSON')
}

/** A raw value in JSON, a number as it was written, bytes as their text. */
export function shown(value: RawValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(shown).join(',')}]`
  if (isObject(value))
    return `{${[...value].map(([name, item]) => `${JSON.stringify(name)}:${shown(item)}`).join(',')}}`
  return value instanceof Uint8Array ? JSON.stringify(textOf(value)) : value.number
}
