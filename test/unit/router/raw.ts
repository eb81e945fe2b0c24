import { decodeJson } from '../../../src/cli/input/json.js'
import { isList, isObject, textOf, type RawValue } from '../../../src/router/values.js'

/** JSON text as a raw value, read as the command line reads it. */
export function raw(json: string): RawValue {
  return decodeJson(Buffer.from(json))
}

/** A parsed JSON value as a raw value. */
export function rawOf(value: unknown): RawValue {
  return raw(JSON.stringify(value))
}

/** A raw value in JSON, with bytes as their text. */
export function shown(value: RawValue): string {
  if (isList(value)) return `[${value.map(shown).join(',')}]`
  if (isObject(value))
    return `{${[...value].map(([name, item]) => `${JSON.stringify(name)}:${shown(item)}`).join(',')}}`
  return JSON.stringify(value instanceof Uint8Array ? textOf(value) : value)
}
