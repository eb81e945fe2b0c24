import { OPERATIONS, type Operation, type PathDefinition } from '../../router/path.js'
import { findPath } from '../../router/router.js'
import { parameterOf } from '../../router/pattern.js'
import type { Command } from '../commands/command.js'
import { flagForm } from '../help/command-help.js'
import { readArguments, type FlagDefinition } from '../go-flags.js'
import { sanitizePath } from '../input/paths.js'

/** What there is to choose from. */
export interface Choices {
  readonly commands: readonly Command[]
  readonly paths: readonly PathDefinition<never>[]
  /** The names that LIST answers at a path; none where it answers nothing, or fails. */
  readonly list: (path: string) => Promise<readonly string[]>
}

/**
 * What the word at the end of the line could become. Each begins with that word, or with what
 * follows its last `=`, where shells break words; one that ends with a space is complete.
 */
export async function complete(line: string, choices: Choices): Promise<readonly string[]> {
  const words = line.trimStart().split(/\s+/)
  const current = words.pop() ?? ''
  const [, name, ...before] = words
  if (words.length === 0) return []
  if (name === undefined)
    return starting(
      current,
      choices.commands.map((command) => command.name),
    )
  const command = choices.commands.find((candidate) => candidate.name === name)
  if (command === undefined || before.includes('--')) return []
  return (
    (await completeFlag(command, before, current)) ??
    completeArgument(command, before, current, choices)
  )
}

/** Those that begin with the word, each as a whole one. */
function starting(word: string, candidates: readonly string[]): readonly string[] {
  return candidates
    .filter((candidate) => candidate.startsWith(word))
    .map((candidate) => `${candidate} `)
}

async function completeFlag(
  { flags }: Command,
  before: readonly string[],
  current: string,
): Promise<readonly string[] | undefined> {
  const [, name, value] = /^--?([^=]+)=(.*)$/.exec(current) ?? []
  if (name !== undefined) return starting(value ?? '', flags[name]?.choices ?? [])
  const awaiting = flags[/^--?([^=]+)$/.exec(before.at(-1) ?? '')?.[1] ?? '']
  if (awaiting !== undefined && awaiting.kind !== 'bool')
    return starting(current, awaiting.choices ?? [])
  if (!current.startsWith('-')) return undefined
  const dashes = current.startsWith('--') ? '-' : ''
  const forms = Object.entries(flags).map(
    ([flag, definition]) => dashes + flagOpening(flag, definition),
  )
  return Promise.resolve(forms.filter((form) => form.startsWith(current)))
}

/** `-force `, or `-format=` to be gone on with. */
function flagOpening(name: string, definition: FlagDefinition): string {
  return definition.kind === 'bool' ? `${flagForm(name, definition)} ` : `-${name}=`
}

async function completeArgument(
  command: Command,
  before: readonly string[],
  current: string,
  choices: Choices,
): Promise<readonly string[]> {
  const {
    words: [path, ...data],
  } = readArguments(before, command.flags)
  const { first } = command
  if (first === undefined) return []
  if ('words' in first) return path === undefined ? starting(current, await first.words()) : []
  const operations = first.paths === 'any' ? OPERATIONS : [first.paths]
  const paths = choices.paths.filter(
    ({ pattern }) => first.only === undefined || pattern === first.only,
  )
  if (path === undefined) return completePath(current, operations, { ...choices, paths })
  return first.paths === 'any' || first.only !== undefined
    ? []
    : completeField(sanitizePath(path), first.paths, data, current, choices)
}

/** One segment further; more where there is but one way. */
async function completePath(
  current: string,
  operations: readonly Operation[],
  choices: Choices,
): Promise<readonly string[]> {
  const typed = current.split('/')
  const partial = typed.pop() ?? ''
  const found = new Set<string>()
  for (const { pattern } of choices.paths.filter((path) =>
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
    const names =
      parameterOf(next) === undefined ? [next] : await choices.list(parentOf(typed, operations))
    const end = segments.length === typed.length + 1 ? ' ' : '/'
    for (const name of names)
      if (name.startsWith(partial)) found.add(`${[...typed, name].join('/')}${end}`)
  }
  const [only, ...others] = found
  return only?.endsWith('/') && others.length === 0
    ? completePath(only, operations, choices)
    : [...found].sort()
}

/**
 * Where the names are that can come next. What is written below a provider is a key that is not
 * there yet.
 */
function parentOf(typed: readonly string[], operations: readonly Operation[]): string {
  const distributes = operations.includes('write') && typed.length === 4 && typed[1] === 'kms'
  return distributes ? `${typed[0] ?? ''}/key` : typed.join('/')
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
  // Of a list, the last of what commas separate.
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
