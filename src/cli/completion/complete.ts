import { keys } from '../../paths/key.js'
import { OPERATIONS, type Operation, type PathDefinition } from '../../router/path.js'
import { findPath } from '../../router/router.js'
import { parameterOf } from '../../router/pattern.js'
import type { Completes, KeymgmtCommand } from '../commands/command.js'
import { fromGoFlags } from '../go-flags.js'
import { sanitizePath } from '../input/paths.js'

type CompletesPaths = Extract<Completes, { readonly paths: unknown }>

/** The sources of candidates. */
export interface Choices {
  readonly program: KeymgmtCommand
  readonly paths: readonly PathDefinition<never>[]
  /** Returns the names that LIST finds at a path, or none if it fails. */
  readonly list: (path: string) => Promise<readonly string[]>
}

/**
 * Returns the candidates for the last word of the line. Each begins with that word or, because
 * shells break words at `=`, with the part after its last `=`. A candidate that ends with a space
 * is complete.
 */
export async function complete(line: string, choices: Choices): Promise<readonly string[]> {
  const words = line.trimStart().split(/\s+/)
  const current = words.pop() ?? ''
  const [program, ...before] = words
  if (program === undefined || before.includes('--')) return []
  const { command, words: given, incomplete } = fromGoFlags(before, choices.program)
  if (incomplete) return starting(current, incomplete.argChoices ?? [])
  return completeFlag(command, current) ?? completeArgument(command, given, current, choices)
}

/** Returns the candidates that begin with the word, marked as complete. */
function starting(word: string, candidates: readonly string[]): readonly string[] {
  return candidates
    .filter((candidate) => candidate.startsWith(word))
    .map((candidate) => `${candidate} `)
}

function completeFlag({ options }: KeymgmtCommand, current: string): readonly string[] | undefined {
  const [, name, value = ''] = /^--?([^=]+)=(.*)$/.exec(current) ?? []
  if (name !== undefined)
    return starting(value, options.find((option) => option.name() === name)?.argChoices ?? [])
  if (!current.startsWith('-')) return undefined
  const dashes = current.startsWith('--') ? '--' : '-'
  return options
    .map((option) => `${dashes}${option.name()}${option.required ? '=' : ' '}`)
    .filter((form) => form.startsWith(current))
}

async function completeArgument(
  { commands, completes, registeredArguments }: KeymgmtCommand,
  given: readonly string[],
  current: string,
  choices: Choices,
): Promise<readonly string[]> {
  const [path, ...data] = given
  const words = registeredArguments[given.length]?.argChoices
  if (words) return starting(current, words)
  const names = path === undefined ? commands.map((each) => each.name()) : []
  if (completes === undefined) return starting(current, names)
  if ('words' in completes)
    return path === undefined ? starting(current, await completes.words()) : []
  if (path === undefined)
    return [...(await completePath(current, completes, choices)), ...starting(current, names)]
  return completes.paths === 'any' || completes.only
    ? []
    : completeField(sanitizePath(path), completes.paths, data, current, choices)
}

/** Completes one segment of a path, or more if only one path continues. */
async function completePath(
  current: string,
  completes: CompletesPaths,
  choices: Choices,
): Promise<readonly string[]> {
  const operations = completes.paths === 'any' ? OPERATIONS : [completes.paths]
  const typed = current.split('/')
  const partial = typed.pop() ?? ''
  const found = new Set<string>()
  const paths = completes.only ? [completes.only] : choices.paths
  for (const { pattern } of paths.filter((path) =>
    operations.some((operation) => path.operations[operation]),
  )) {
    const segments = pattern.split('/')
    const next = segments[typed.length]
    if (
      next === undefined ||
      !typed.every(
        (segment, index) =>
          segments[index] === segment || parameterOf(segments[index] ?? '') !== undefined,
      )
    )
      continue
    const parameter = parameterOf(next)
    const names =
      parameter === undefined ? [next] : await choices.list(parentOf(typed, parameter, operations))
    const end = segments.length === typed.length + 1 ? ' ' : '/'
    for (const name of names)
      if (name.startsWith(partial)) found.add(`${[...typed, name].join('/')}${end}`)
  }
  const [only, ...others] = found
  return only?.endsWith('/') && others.length === 0
    ? completePath(only, completes, choices)
    : [...found].sort()
}

/**
 * Returns the path to list for candidates. Below a provider, lists all keys, because a key may not
 * be distributed there yet.
 */
function parentOf(
  typed: readonly string[],
  parameter: string,
  operations: readonly Operation[],
): string {
  return operations.includes('write') && parameter === 'key' ? keys.pattern : typed.join('/')
}
function completeField(
  path: string,
  operation: Operation,
  data: readonly string[],
  current: string,
  { paths }: Choices,
): readonly string[] {
  const fields = fieldsAt(path, operation, paths)
  const [, name, value] = /^([^=]+)=(.*)$/.exec(current) ?? []
  if (name === undefined) {
    const given = new Set(data.map((arg) => arg.split('=')[0]))
    const open = Object.entries(fields).filter(
      ([field, { type }]) => type === 'keypair' || !given.has(field),
    )
    return open.map(([field]) => `${field}=`).filter((candidate) => candidate.startsWith(current))
  }
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (field === undefined) return []
  const values = field.type === 'bool' ? ['true', 'false'] : (field.choices ?? [])
  if (field.type === 'keypair')
    return values.map((pair) => `${pair}=`).filter((candidate) => candidate.startsWith(value ?? ''))
  // In a list, complete the element after the last comma.
  const earlier = field.type === 'slice' ? (/^.*,/.exec(value ?? '')?.[0] ?? '') : ''
  return starting(
    value ?? '',
    values
      .filter((choice) => !earlier.split(',').includes(choice))
      .map((choice) => `${earlier}${choice}`),
  )
}

function fieldsAt(path: string, operation: Operation, paths: Choices['paths']) {
  try {
    return findPath(paths, path).path.operations[operation]?.fields ?? {}
  } catch {
    return {}
  }
}
