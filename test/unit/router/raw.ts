import type { RawValue } from '../../../src/router/values.js'

/** JSON text as a raw value; a bare number is kept as written when it is the whole text. */
export function raw(json: string): RawValue {
  return /^-?\d/.test(json) ? { number: json } : rawOf(JSON.parse(json))
}

/** A parsed JSON value as a raw value. */
export function rawOf(value: unknown): RawValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return { number: String(value) }
  if (Array.isArray(value)) return value.map(rawOf)
  if (typeof value === 'object') return new Map(Object.entries(value).map(([name, inner]) => [name, rawOf(inner)]))
  throw new TypeError('not JSON')
}
