import { invalid } from './errors.js'

/** The body of a validated request: its types and limits are correct. */
export interface Input {
  text(name: string): string | undefined
  required(name: string): string
  flag(name: string): boolean | undefined
  number(name: string): number | undefined
  date(name: string): Date | undefined
  bytes(name: string): Buffer | undefined
  requiredBytes(name: string): Buffer
  texts(name: string): readonly string[]
  map(name: string): ReadonlyMap<string, string>
  structure(name: string): Input | undefined
  tags(): readonly Tag[]
  has(name: string): boolean
  /** The value of a scalar member. */
  value(name: string): string | number | boolean | undefined
}

/** A tag in AWS's JSON. */
export interface Tag {
  readonly TagKey: string
  readonly TagValue: string
}

/** Reads a validated body. The casts rely on the validation. */
export function readInput(body: Readonly<Record<string, unknown>>): Input {
  const get = (name: string) => (Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined)
  const text = (name: string) => get(name) as string | undefined
  const number = (name: string) => get(name) as number | undefined
  const bytes = (name: string) => {
    const value = text(name)
    return value === undefined ? undefined : Buffer.from(value, 'base64')
  }
  return {
    text,
    number,
    bytes,
    flag: (name) => get(name) as boolean | undefined,
    value: (name) => get(name) as string | number | boolean | undefined,
    date: (name) => {
      const seconds = number(name)
      return seconds === undefined ? undefined : new Date(seconds * 1000)
    },
    required: (name) => text(name) ?? missing(name),
    requiredBytes: (name) => bytes(name) ?? missing(name),
    texts: (name) => (get(name) ?? []) as string[],
    map: (name) => new Map(Object.entries((get(name) ?? {}) as Record<string, string>)),
    structure: (name) => {
      const value = get(name)
      return value === undefined ? undefined : readInput(value as Record<string, unknown>)
    },
    tags: () => (get('Tags') ?? []) as Tag[],
    has: (name) => get(name) !== undefined,
  }
}

/**
 * For members that are optional in the model but required in this request, such as Decrypt's
 * CiphertextBlob outside a dry run.
 */
function missing(name: string): never {
  const path = `${name.charAt(0).toLowerCase()}${name.slice(1)}`
  throw invalid(
    `1 validation error detected: Value null at '${path}' failed to satisfy constraint: Member must not be null`,
  )
}
