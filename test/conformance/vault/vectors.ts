import { readFileSync } from 'node:fs'
import { normalise } from '../../support/normalise.js'

/** A text: as it is, in lines, or by what it holds. */
type Text = string | readonly string[] | { readonly has: readonly string[] }

/**
 * One vector: of this input, this comes. Where keymgmt differs from Vault on purpose, `vault` is
 * what comes of it there, and `why` the reason.
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

/**
 * The vectors of Vault's command line: one file for each section, in it the vectors of each kind.
 */
export const VECTORS = FILES.map(
  (file) =>
    [
      file,
      JSON.parse(readFileSync(`test/vectors/${file}.json`, 'utf8')) as Readonly<
        Record<string, readonly Vector[]>
      >,
    ] as const,
)

/** What a vector is called. */
export function titleOf({ name, of, vault }: Vector): string {
  const title = (name ?? JSON.stringify(of)).slice(0, 160)
  return vault === undefined ? title : `${title} (differs from Vault)`
}

/**
 * Whether `seen` is what a vector says: texts may be given in lines, objects by some of their
 * members.
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
  // What a command prints ends its last line, what a function answers does not.
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
