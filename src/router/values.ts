/** An object in JSON. A Map, so that no name (`__proto__`, `constructor`) has a special meaning. */
export type RawObject = ReadonlyMap<string, RawValue>

/**
 * The value of a request's field before it is typed: a string from `k=v`, the bytes of a file from
 * `k=@file`, a list from repeated `k=v`, anything from JSON.
 */
export type RawValue =
  string | number | boolean | null | Uint8Array | readonly RawValue[] | RawObject

/** A JSON value in a response. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** True for a list, of raw values or in JSON. */
export function isList<T>(value: T): value is Extract<T, readonly unknown[]> {
  return Array.isArray(value)
}

/** True for an object in a request. */
export function isObject(raw: RawValue): raw is RawObject {
  return raw instanceof Map
}

/** The kind of a raw value, in words for an error message. */
export function kindOf(raw: RawValue): string {
  if (raw === null) return 'null'
  if (isList(raw)) return 'a list'
  if (isObject(raw)) return 'an object'
  return (
    { string: 'text', number: 'a number', boolean: 'a boolean' }[typeof raw as string] ?? 'bytes'
  )
}

/**
 * A view of `bytes` without the newline, LF or CRLF, that an editor or `echo` puts at the end of a
 * file of one line.
 */
export function withoutLastNewline(bytes: Uint8Array): Uint8Array {
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length
  return bytes.subarray(0, end)
}

/** Bytes as UTF-8 text, including a byte order mark. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

/** True if a value counts as missing, which a required field must not be. */
export function isEmpty(raw: RawValue): boolean {
  if (raw === null || raw === '' || (raw instanceof Uint8Array && raw.length === 0)) return true
  if (isList(raw)) return raw.length === 0
  return isObject(raw) && raw.size === 0
}
