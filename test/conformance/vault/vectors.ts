import { readFileSync } from 'node:fs'
import { normalise } from '../../support/normalise.js'

/** A text: the whole text, its lines, or parts that it contains. */
type Text = string | readonly string[] | { readonly has: readonly string[] }

/**
 * One vector: an input `of` and its outcome `is`. If keymgmt differs from Vault on purpose, `vault`
 * is Vault's outcome, and `why` is the reason.
 */
export interface Vector {
  readonly name?: string
  readonly of: unknown
  readonly is: unknown
  readonly vault?: unknown
  readonly why?: string
}

const FILES = [
  'data',
  'flags',
  'formats',
  'refusals',
  'coercion',
  'help',
  'vault-tests',
  'sessions',
] as const

/** The vectors of Vault's command line: a file for each section, with the vectors of each kind. */
export const VECTORS = FILES.map(
  (file) =>
    [
      file,
      JSON.parse(readFileSync(`test/vectors/${file}.json`, 'utf8')) as Readonly<
        Record<string, readonly Vector[]>
      >,
    ] as const,
)

/** Returns the title of a vector. */
export function titleOf({ name, of, vault }: Vector): string {
  const title = (name ?? JSON.stringify(of)).slice(0, 160)
  return vault === undefined ? title : `${title} (differs from Vault)`
}

/**
 * True if `seen` matches the outcome in a vector, which may give a text as lines, and an object by
 * some of its members.
 */
export function isAsSaid(said: unknown, seen: unknown): boolean {
  if (typeof seen === 'string')
    return isText(said) && (isTextAsSaid(said, seen) || isTextAsSaid(said, normalise(seen)))
  if (isMembers(said) && isMembers(seen))
    return Object.entries(said).every(([name, value]) => isAsSaid(value, seen[name]))
  return JSON.stringify(said) === JSON.stringify(seen)
}

function isTextAsSaid(said: Text, seen: string): boolean {
  if (typeof said === 'string') return said === seen
  // The output of a command ends with a newline; the result of a function does not.
  if (isLines(said)) return [said.join('\n'), `${said.join('\n')}\n`].includes(seen)
  return said.has.every((part) => seen.includes(part))
}

function isLines(said: Text): said is readonly string[] {
  return Array.isArray(said)
}

function isText(said: unknown): said is Text {
  return typeof said === 'string' || Array.isArray(said) || (isMembers(said) && 'has' in said)
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
