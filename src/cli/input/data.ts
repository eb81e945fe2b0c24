import { KeymgmtError } from '../../errors.js'
import { hidden, isFileName, quote, quoteName } from '../../router/quote.js'
import { isList, isObject, kindOf, type RawValue } from '../../router/values.js'
import { systemReason } from '../system-error.js'
import { decodeJson } from './json.js'
import { decodePairs } from './pairs.js'

/** The readers of `@file` and `-`. */
export interface DataSources {
  readonly readFile: (name: string) => Uint8Array
  readonly readStdin: () => Promise<Uint8Array>
}

/** Vault's name for the arguments, which depends on the command. */
export type DataKind = 'K=V' | 'string list'

/**
 * Parses DATA arguments in Vault's grammar: `k=v`, `k=@file`, `k=-`, `@file` and `-` for JSON, a
 * repeated key for a list. Returns null if there is no DATA. The value of a key in `pairKeys` is
 * one pair, which may be `name=@file` or `name=-`, or a file with several pairs.
 * @throws KeymgmtError USAGE, which repeats neither a value nor an argument that may be one.
 */
export async function parseData(
  args: readonly string[],
  sources: DataSources,
  kind: DataKind = 'K=V',
  pairKeys: ReadonlySet<string> = new Set(),
): Promise<Map<string, RawValue> | null> {
  const once = stdinOnce(sources)
  let data: Map<string, RawValue> | null = null
  for (const [index, arg] of args.entries()) {
    try {
      data = await add(data, arg, { readFile: sources.readFile, readStdin: once }, pairKeys)
    } catch (error) {
      throw argumentError(kind, arg, index + 1, error)
    }
  }
  return data
}

/**
 * Returns the names whose whole value is in these DATA arguments; none if they include JSON, which
 * may contain any name.
 */
export function typedNames(args: readonly string[]): ReadonlySet<string> {
  const pairs = args.flatMap((arg) => {
    const [, name, value = ''] = /^([^=]*)=([^]*)$/.exec(arg) ?? []
    return name === undefined ? [] : [{ name, isRead: value === '-' || value.startsWith('@') }]
  })
  if (pairs.length < args.filter((arg) => arg !== '').length) return new Set()
  const read = new Set(pairs.filter(({ isRead }) => isRead).map(({ name }) => name))
  return new Set(pairs.map(({ name }) => name).filter((name) => !read.has(name)))
}

function stdinOnce({ readStdin }: DataSources): () => Promise<Uint8Array> {
  let consumed = false
  return async () => {
    if (consumed) throw new Error('stdin already consumed')
    consumed = true
    try {
      return await readStdin()
    } catch (error) {
      throw new Error(`error reading standard input: ${systemReason(error)}`, { cause: error })
    }
  }
}

async function add(
  data: Map<string, RawValue> | null,
  arg: string,
  sources: DataSources,
  pairKeys: ReadonlySet<string>,
): Promise<Map<string, RawValue> | null> {
  if (arg === '') return data ?? new Map<string, RawValue>()
  const at = arg.indexOf('=')
  if (at >= 0) {
    const [key, value] = [arg.slice(0, at), arg.slice(at + 1)]
    const read = pairKeys.has(key) ? pairOf : valueOf
    return append(data ?? new Map<string, RawValue>(), key, await read(value, sources))
  }
  if (arg === '-') return merge(data, decodeJson(await sources.readStdin()))
  if (arg.startsWith('@')) return merge(data, decodeJson(readFile(sources, arg.slice(1))))
  throw new FormatError('format must be key=value')
}

async function valueOf(value: string, sources: DataSources): Promise<string | Uint8Array> {
  if (value === '-') return sources.readStdin()
  if (value.startsWith('@')) {
    try {
      return sources.readFile(value.slice(1))
    } catch (error) {
      throw new FileError(`error reading file: ${systemReason(error)}`)
    }
  }
  return value.startsWith('\\@') ? value.slice(1) : value
}

/** Returns the value of a key that takes pairs: one pair, or the pairs of a file. */
async function pairOf(value: string, sources: DataSources): Promise<RawValue> {
  const [, name, inner] = /^(\w+)=([^]*)$/.exec(value) ?? []
  if (name !== undefined && inner !== undefined)
    return new Map([[name, await valueOf(inner, sources)]])
  const read = await valueOf(value, sources)
  return read instanceof Uint8Array ? decodePairs(read) : read
}

/** The file in `k=@file` can't be read. */
class FileError extends Error {}

/** The argument is neither `k=v`, `@file` nor `-`. */
class FormatError extends Error {}

function readFile({ readFile: read }: DataSources, name: string): Uint8Array {
  try {
    return read(name)
  } catch (error) {
    const verb = (error as NodeJS.ErrnoException).code === 'EISDIR' ? 'read' : 'open'
    throw new Error(`${verb} ${isFileName(name) ? name : hidden(name)}: ${systemReason(error)}`, {
      cause: error,
    })
  }
}

/**
 * Appends a later `k=v` to an earlier value, which may come from JSON: extends a list, and replaces
 * null and an empty object.
 */
function append(data: Map<string, RawValue>, key: string, value: RawValue): Map<string, RawValue> {
  if (!data.has(key)) return data.set(key, value)
  const existing = data.get(key) ?? null
  const added = isList(value) ? value : [value]
  if (isList(existing)) return data.set(key, [...existing, ...added])
  const nothing = existing === null || (isObject(existing) && existing.size === 0)
  return data.set(key, nothing ? added : [existing, ...added])
}

function merge(
  data: Map<string, RawValue> | null,
  decoded: RawValue,
): Map<string, RawValue> | null {
  if (decoded === null) return null
  if (!isObject(decoded))
    throw new Error(`the JSON is ${kindOf(decoded)}, not an object such as {"name": "value"}`)
  const merged = data ?? new Map<string, RawValue>()
  for (const [key, value] of decoded) merged.set(key, value)
  return merged
}

/**
 * Returns the name, file or position of an argument, for an error. The argument itself may be a
 * secret.
 */
function showArgument(arg: string, position: number): string {
  const at = arg.indexOf('=')
  if (at >= 0) return quoteName(arg.slice(0, at))
  if (arg !== '-' && !arg.startsWith('@')) return `(argument ${position})`
  return isFileName(arg.slice(1)) ? quote(arg) : hidden(arg)
}

function argumentError(
  kind: DataKind,
  arg: string,
  position: number,
  error: unknown,
): KeymgmtError {
  return new KeymgmtError(
    'USAGE',
    `Failed to parse ${kind} data: invalid key/value pair ${showArgument(arg, position)}: ${(error as Error).message}`,
    { hints: hintsOn(arg, error) },
  )
}

function hintsOn(arg: string, error: unknown): readonly string[] {
  if (error instanceof FileError)
    return ['a value that begins with @ names a file; write \\@ for a literal @']
  if (!(error instanceof FormatError)) return []
  const isFile = /[./]/.test(arg) && isFileName(arg)
  return [isFile ? `to read JSON from a file, write @${arg}` : 'write name=value, @FILE or -']
}
