/** A number of a JSON text, kept as it was written: `1.10` stays `1.10`, and 30 digits stay 30 digits. */
export interface JsonNumber {
  readonly number: string
}

/** An object of a JSON text. A Map, so that no name (`__proto__`, `constructor`) means anything. */
export type RawObject = ReadonlyMap<string, RawValue>

/** What a request's field may hold before it is typed: a string from `k=v`, a list from repeated `k=v`, anything from JSON. */
export type RawValue = string | boolean | null | JsonNumber | readonly RawValue[] | RawObject

/** What an answer may hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Whether a raw value is a list. */
export function isList(raw: RawValue): raw is readonly RawValue[] {
  return Array.isArray(raw)
}

/** Whether a raw value is an object of a JSON text. */
export function isObject(raw: RawValue): raw is RawObject {
  return raw instanceof Map
}
