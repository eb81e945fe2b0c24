/**
 * A number of a JSON text, kept as it was written: `1.10` stays `1.10`, and 30 digits stay 30
 * digits.
 */
export interface JsonNumber {
  readonly number: string
}

/** An object of a JSON text. A Map, so that no name (`__proto__`, `constructor`) means anything. */
export type RawObject = ReadonlyMap<string, RawValue>

/**
 * What a request's field may hold before it is typed: a string from `k=v`, the bytes of a file from
 * `k=@file`, a list from repeated `k=v`, anything from JSON.
 */
export type RawValue =
  string | Uint8Array | boolean | null | JsonNumber | readonly RawValue[] | RawObject

/** What an answer may hold. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Whether a raw value is a list. */
export function isList(raw: RawValue): raw is readonly RawValue[] {
  return Array.isArray(raw)
}

/**
 * A raw value with the bytes of files read as UTF-8, in which what is no UTF-8 becomes U+FFFD, as
 * in Vault; but without the newline that ends a file. Only fields that take bytes see them as they
 * are.
 */
export function asText(raw: RawValue): Exclude<RawValue, Uint8Array> {
  if (raw instanceof Uint8Array) return textOf(withoutLastNewline(raw))
  return isList(raw) ? raw.map(asText) : raw
}

/**
 * A view of `bytes` without the newline, LF or CRLF, that an editor or `echo` puts at the end of a
 * file of one line.
 */
export function withoutLastNewline(bytes: Uint8Array): Uint8Array {
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length
  return bytes.subarray(0, end)
}

/** Bytes as UTF-8 text, a byte order mark included. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

/** Whether a raw value is an object of a JSON text. */
export function isObject(raw: RawValue): raw is RawObject {
  return raw instanceof Map
}
