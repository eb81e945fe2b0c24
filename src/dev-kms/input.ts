import { invalid } from './errors.js'

/** A request's JSON body, read with AWS's complaints. */
export interface Input {
  text(name: string): string | undefined
  required(name: string): string
  flag(name: string): boolean | undefined
  number(name: string): number | undefined
  /** A base64 blob. */
  bytes(name: string): Buffer | undefined
  requiredBytes(name: string): Buffer
  /** The value as it came. */
  raw(name: string): unknown
}

/** Reads `body`; a member of the wrong type is a ValidationException. */
export function readInput(body: Readonly<Record<string, unknown>>): Input {
  const typed = (name: string, type: 'string' | 'boolean' | 'number'): unknown => {
    const value = Object.hasOwn(body, name) ? body[name] : undefined
    if (value === undefined || value === null) return undefined
    if (typeof value !== type) throw invalid(`1 validation error detected: Value at '${lower(name)}' is not a ${type}`)
    return value
  }
  const missing = (name: string) =>
    invalid(`1 validation error detected: Value null at '${lower(name)}' failed to satisfy constraint: Member must not be null`)
  const text = (name: string) => typed(name, 'string') as string | undefined
  const bytes = (name: string) => {
    const value = text(name)
    return value === undefined ? undefined : Buffer.from(value, 'base64')
  }
  return {
    text,
    bytes,
    flag: (name) => typed(name, 'boolean') as boolean | undefined,
    number: (name) => typed(name, 'number') as number | undefined,
    raw: (name) => (Object.hasOwn(body, name) ? body[name] : undefined),
    required: (name) => {
      const value = text(name)
      if (value === undefined) throw missing(name)
      return value
    },
    requiredBytes: (name) => {
      const value = bytes(name)
      if (value === undefined || value.length === 0) throw missing(name)
      return value
    },
  }
}

function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}
