import type { Option } from 'commander'
import type { KeymgmtCommand } from './commands/command.js'

/** A command line in commander's spellings. */
export interface CommandLine {
  /** The command, which the first words name. */
  readonly command: KeymgmtCommand
  /** Its arguments, without flags. */
  readonly words: readonly string[]
  /** The flag at the end of the line, if its value is missing. */
  readonly incomplete: Option | undefined
  /** The whole line, for commander. */
  readonly argv: readonly string[]
}

/**
 * Translates Go's spellings of flags into commander's: `-name=value`, `-name value`, `-name=false`,
 * with one dash or two, before or after other arguments, until `--`. Refuses nothing itself: passes
 * an invalid flag on, without its value, in a form that commander refuses.
 */
export function fromGoFlags(args: readonly string[], program: KeymgmtCommand): CommandLine {
  const options = optionsOf(program)
  const flags = new Map<string, readonly string[]>()
  const words: string[] = []
  let incomplete: Option | undefined
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? ''
    const [, name, value] = /^--?(?!$)([^=]*)(?:=([^]*))?$/.exec(arg) ?? []
    if (arg === '--') {
      words.push(...args.slice(index + 1))
      break
    }
    if (name === undefined) {
      words.push(arg)
      continue
    }
    const option = options.find((each) => each.long === `--${name}` || each.short === `-${name}`)
    const long = `--${option?.name() ?? name}`
    const isShort = option?.short === `-${name}`
    if (!option) flags.set(arg, [`${long}=`])
    else if (!option.required)
      flags.set(long, spellBoolean(long, value, isShort ? `-${name}` : long))
    else {
      const text = value ?? args[++index]
      if (text === undefined) incomplete = option
      else flags.set(long, [...(flags.get(long) ?? []), `${long}=${text.trim()}`])
    }
  }
  const { command, rest } = findCommand(program, words)
  const path = words.slice(0, words.length - rest.length)
  // The program needs the format too, to print errors of the command in it.
  const spelled = [...(flags.get('--format') ?? []), ...path, ...[...flags.values()].flat()]
  // Otherwise, commander would take the next argument as the missing value.
  const end = incomplete === undefined ? ['--', ...rest] : [`--${incomplete.name()}`]
  return { command, words: rest, incomplete, argv: [...spelled, ...end] }
}

/** True if `-h`, `-help` or `--help` is anywhere on the line: Vault then prints help. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? args.length : end).some((arg) => /^(-h|--?help)$/.test(arg))
}

/**
 * Returns the options of all commands. A flag has the same kind in every command, so it can be read
 * before its command is known.
 */
function optionsOf(command: KeymgmtCommand): readonly Option[] {
  return [...command.options, ...command.commands.flatMap(optionsOf)]
}

/**
 * Translates a boolean flag, of which the last one counts. commander refuses a value for it, in an
 * error that names the flag as it was typed.
 */
function spellBoolean(long: string, value = 'true', typed = long): readonly string[] {
  if (/^(1|t|true|T|TRUE|True)$/.test(value)) return [typed]
  return /^(0|f|false|F|FALSE|False)$/.test(value) ? [] : [`${long}=`]
}

function findCommand(
  command: KeymgmtCommand,
  words: readonly string[],
): { command: KeymgmtCommand; rest: readonly string[] } {
  const next = command.commands.find((each) => each.name() === words[0])
  return next ? findCommand(next, words.slice(1)) : { command, rest: words }
}
