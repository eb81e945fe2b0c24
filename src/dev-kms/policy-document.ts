import { isObject } from './json.js'

/** A statement of an IAM or key policy. */
export interface Statement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: string | Readonly<Record<string, string | readonly string[]>>
  readonly Action?: string | readonly string[]
  readonly NotAction?: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly NotResource?: string | readonly string[]
  /** By operator, then by condition key. */
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, string | readonly string[]>>>
  >
}

const PARTS: Readonly<Record<string, readonly string[]>> = {
  Version: ['2012-10-17', '2008-10-17'],
  Effect: ['Allow', 'Deny'],
}
const TOP = ['Version', 'Id', 'Statement']
const PAIRS = [
  ['Action', 'NotAction'],
  ['Resource', 'NotResource'],
]

/** A list of the strings. */
export function asList(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/**
 * True if a pattern with `*` and `?` matches the whole text. Actions need flag `i`: their case is
 * ignored.
 */
export function matches(pattern: string, text: string, flags = ''): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^]*')
    .replaceAll('?', '[^]')
  return new RegExp(`^${source}$`, flags).test(text)
}

/**
 * Reads the statements of a policy document in IAM's grammar. `principals` lists the elements that
 * name principals: a key policy has them, an IAM policy does not.
 * @throws Error with the violated rule
 */
export function readStatements(
  document: unknown,
  principals: readonly string[] = [],
): readonly Statement[] {
  if (!isObject(document)) throw new Error('it is not a JSON object')
  assertNames(document, TOP, 'a policy')
  assertOneOf('Version', document.Version ?? '2008-10-17')
  const statements: unknown[] = Array.isArray(document.Statement)
    ? document.Statement
    : [document.Statement]
  for (const statement of statements) assertStatement(statement, principals)
  return statements as Statement[]
}

function assertStatement(
  statement: unknown,
  principals: readonly string[],
): asserts statement is Statement {
  if (!isObject(statement)) throw new Error('a statement must be a JSON object')
  const pairs = principals.length > 0 ? [...PAIRS, principals] : PAIRS
  assertNames(statement, ['Sid', 'Effect', 'Condition', ...pairs.flat()], 'a statement')
  assertOneOf('Effect', statement.Effect)
  for (const pair of pairs) {
    const given = pair.filter((name) => statement[name] !== undefined)
    if (given.length !== 1) throw new Error(`a statement has one of ${pair.join(' and ')}`)
  }
  for (const name of PAIRS.flat())
    if (statement[name] !== undefined) assertStrings(name, statement[name])
  assertCondition(statement.Condition)
}

function assertCondition(condition: unknown): void {
  if (condition === undefined) return
  if (!isObject(condition)) throw new Error('Condition is a JSON object')
  for (const [operator, keys] of Object.entries(condition)) {
    if (!isObject(keys)) throw new Error(`Condition ${operator} is a JSON object`)
    for (const [key, values] of Object.entries(keys)) assertStrings(key, values)
  }
}

function assertNames(object: object, known: readonly string[], what: string): void {
  const unknown = Object.keys(object).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`${what} has no ${unknown}`)
}

function assertOneOf(name: string, value: unknown): void {
  const allowed = PARTS[name] ?? []
  if (typeof value !== 'string' || !allowed.includes(value))
    throw new Error(`${name} is one of ${allowed.join(', ')}`)
}

function assertStrings(name: string, value: unknown): void {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  if (!values.every((item) => typeof item === 'string'))
    throw new Error(`${name} is a string or a list of strings`)
}
