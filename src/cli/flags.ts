import leven from 'leven'
import { KeymgmtError } from '../errors.js'

/** What a flag takes. */
export interface FlagDefinition {
  readonly kind: 'bool' | 'string' | 'duration'
  /** A second name. */
  readonly alias?: string
}

/** Flags by name. */
export type FlagTable = Readonly<Record<string, FlagDefinition>>

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

/**
 * `argv` with the flags as commander spells them (`--name`, `--name=value`), read as Go's flag package reads them: one
 * dash or two, wherever they stand, up to `--`.
 * @throws KeymgmtError USAGE in Go's words; the value of an unknown flag is not repeated.
 */
export function normalizeFlags(argv: readonly string[], flags: FlagTable): string[] {
  const normal: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const arg = argv[index] ?? ''
    if (arg === '--') return [...normal, ...argv.slice(index)]
    if (!arg.startsWith('-') || arg === '-') {
      normal.push(arg)
      continue
    }
    const { name, value } = split(arg)
    const flag = find(name, flags)
    if (flag.kind === 'bool') {
      if (readBoolean(name, value)) normal.push(`--${flag.name}`)
      continue
    }
    const given = value ?? argv[++index]
    if (given === undefined) throw new KeymgmtError('USAGE', `flag needs an argument: -${name}`)
    normal.push(`--${flag.name}=${given.trim()}`)
  }
  return normal
}

function split(arg: string): { name: string; value: string | undefined } {
  const [, body = ''] = /^--?(.*)$/s.exec(arg) ?? []
  const at = body.indexOf('=')
  const name = at < 0 ? body : body.slice(0, at)
  if (name === '' || name.startsWith('-')) {
    throw new KeymgmtError('USAGE', `bad flag syntax: ${at < 0 ? arg : `${arg.slice(0, arg.indexOf('=') + 1)}…`}`)
  }
  return { name, value: at < 0 ? undefined : body.slice(at + 1) }
}

function find(name: string, flags: FlagTable): FlagDefinition & { name: string } {
  const known = Object.entries(flags).find(([flag, { alias }]) => flag === name || alias === name)
  if (known) return { ...known[1], name: known[0] }
  const nearest = Object.keys(flags).find((flag) => leven(flag, name) <= 2)
  throw new KeymgmtError('USAGE', `flag provided but not defined: -${name}`, {
    hints: [...(nearest ? [`did you mean -${nearest}?`] : []), 'put -- before an argument that begins with a dash'],
  })
}

function readBoolean(name: string, value: string | undefined): boolean {
  if (value === undefined || TRUE.has(value)) return true
  if (FALSE.has(value)) return false
  const shown = JSON.stringify(value)
  throw new KeymgmtError('USAGE', `invalid boolean value ${shown} for -${name}: strconv.ParseBool: parsing ${shown}: invalid syntax`)
}
