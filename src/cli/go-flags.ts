import { KeymgmtError } from '../errors.js'
import { didYouMean } from '../router/suggest.js'

/** What a flag takes, and what its help says. */
export interface FlagDefinition {
  readonly kind: 'bool' | 'string' | 'duration'
  /** A second name. */
  readonly alias?: string
  /** Whether each one that is given counts, not only the last. */
  readonly many?: true
  readonly default?: string
  readonly choices?: readonly string[]
  /** Environment variables that say the same. */
  readonly environment?: readonly string[]
  /** What it does, in sentences. */
  readonly usage: string
}

/** Flags by name. */
export type FlagTable = Readonly<Record<string, FlagDefinition>>

type FlagValue<D> = D extends { kind: 'bool' }
  ? boolean
  : D extends { many: true }
    ? readonly string[]
    : D extends { default: string }
      ? string
      : string | undefined

/** What was given for the flags of a table. */
export type FlagValues<F extends FlagTable> = { readonly [N in keyof F]: FlagValue<F[N]> }

/** A command line, told apart. */
export interface Arguments {
  /** What is no flag, in order. */
  readonly words: readonly string[]
  /** Every value that each flag was given, by the flag's name; a bool's are `true` and `false`. */
  readonly given: ReadonlyMap<string, readonly string[]>
  /**
   * What is wrong with the flags, in order. In Go's words; the value of an unknown flag is not
   * repeated.
   */
  readonly problems: readonly KeymgmtError[]
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

/**
 * Reads flags as Go's flag package does: one dash or two, `-name value` or `-name=value`, up to
 * `--`; but wherever they stand.
 */
export function readArguments(argv: readonly string[], flags: FlagTable): Arguments {
  const words: string[] = []
  const given = new Map<string, string[]>()
  const problems: KeymgmtError[] = []
  for (let index = 0; index < argv.length; index++) {
    const arg = argv[index] ?? ''
    if (arg === '--') {
      words.push(...argv.slice(index + 1))
      break
    }
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg)
      continue
    }
    try {
      const { name, value } = split(arg)
      const flag = findFlag(name, flags)
      const text =
        flag.kind === 'bool' ? String(readBoolean(name, value)) : (value ?? argv[++index])?.trim()
      if (text === undefined) throw new KeymgmtError('USAGE', `flag needs an argument: -${name}`)
      given.set(flag.name, [...(given.get(flag.name) ?? []), text])
    } catch (error) {
      problems.push(error as KeymgmtError)
    }
  }
  return { words, given, problems }
}

/**
 * The values of a command's own flags.
 * @throws KeymgmtError USAGE for a flag that the command does not have.
 */
export function valuesOf<F extends FlagTable>(flags: F, given: Arguments['given']): FlagValues<F> {
  for (const name of given.keys()) if (!Object.hasOwn(flags, name)) throw undefinedFlag(name, flags)
  const values = Object.entries(flags).map(([name, { kind, many, default: preset }]) => {
    const all = given.get(name) ?? []
    if (many) return [name, all]
    return [name, kind === 'bool' ? all.at(-1) === 'true' : (all.at(-1) ?? preset)]
  })
  return Object.fromEntries(values) as FlagValues<F>
}

function split(arg: string): { name: string; value: string | undefined } {
  const [, body = ''] = /^--?(.*)$/s.exec(arg) ?? []
  const at = body.indexOf('=')
  const name = at < 0 ? body : body.slice(0, at)
  if (name === '' || name.startsWith('-')) {
    throw new KeymgmtError(
      'USAGE',
      `bad flag syntax: ${at < 0 ? arg : `${arg.slice(0, arg.indexOf('=') + 1)}…`}`,
    )
  }
  return { name, value: at < 0 ? undefined : body.slice(at + 1) }
}

/** @throws KeymgmtError USAGE */
function findFlag(name: string, flags: FlagTable): FlagDefinition & { readonly name: string } {
  const known = Object.entries(flags).find(([flag, { alias }]) => flag === name || alias === name)
  if (known) return { ...known[1], name: known[0] }
  throw undefinedFlag(name, flags)
}

function undefinedFlag(name: string, flags: FlagTable): KeymgmtError {
  return new KeymgmtError('USAGE', `flag provided but not defined: -${name}`, {
    hints: [
      ...didYouMean(name, Object.keys(flags)).map((hint) => hint.replace(/"(.*)"/, '-$1')),
      'see which there are: add -h',
      'put -- before an argument that begins with a dash',
    ],
  })
}

function readBoolean(name: string, value: string | undefined): boolean {
  if (value === undefined || TRUE.has(value)) return true
  if (FALSE.has(value)) return false
  const shown = JSON.stringify(value)
  throw new KeymgmtError(
    'USAGE',
    `invalid boolean value ${shown} for -${name}: strconv.ParseBool: parsing ${shown}: invalid syntax`,
  )
}
