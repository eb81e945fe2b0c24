import type { CommanderError } from 'commander'
import { KeymgmtError } from '../errors.js'
import { quotePlain } from '../router/quote.js'
import { didYouMean } from '../suggest.js'
import type { KeymgmtCommand } from './commands/command.js'

/**
 * Translates an error of commander into Vault's words or ours. commander's text repeats the input,
 * which may be a secret: the result contains only names of flags and the messages of our own
 * parsers. `program` has all commands.
 */
export function toRefusal(
  { code, message }: CommanderError,
  command: KeymgmtCommand,
  program: KeymgmtCommand,
): KeymgmtError {
  const flags = [...message.matchAll(/option '(?:-\w, )?-(-[\w-]+)/g)].map(([, flag = '']) => flag)
  const { registeredArguments: expected } = command
  switch (code) {
    case 'commander.unknownOption':
      return refuseFlag(
        /^error: unknown option '--?([^=]*?)(?:=[^]*)?'$/.exec(message)?.[1] ?? '',
        command,
        program,
      )
    case 'commander.optionMissingArgument':
      return usage(`flag needs an argument: ${flags[0] ?? ''}`)
    case 'commander.conflictingOption':
      return usage(`${flags.join(' and ')} can't be combined`)
    case 'commander.invalidArgument': {
      const [, argument, problem = ''] =
        /^[^]* is invalid(?: for argument '([^']*)')?\. ([^]*)$/.exec(message) ?? []
      const hints = argument === undefined ? [] : suggestExample(command)
      const reason = problem.replace(/^Allowed choices are (.*)\.$/, 'use one of $1')
      return usage(`invalid value for ${argument ?? `flag ${flags[0] ?? ''}`}: ${reason}`, hints)
    }
    case 'commander.missingArgument':
      return refuseCount('Not enough', expected.filter(({ required }) => required).length, command)
    case 'commander.excessArguments':
      return command.isGroup
        ? refuseCommand(command, program)
        : refuseCount('Too many', expected.length, command)
    default:
      return refuseCommand(command, program)
  }
}

function usage(message: string, hints: readonly string[] = []): KeymgmtError {
  return new KeymgmtError('USAGE', message, { hints })
}

function suggestExample({ examples }: KeymgmtCommand): readonly string[] {
  return examples.slice(0, 1).map(({ line }) => `for example: ${line}`)
}

function refuseCount(problem: string, expected: number, command: KeymgmtCommand): KeymgmtError {
  const got = command.args.length
  return usage(
    `${problem} arguments (expected ${expected}, got ${got})`,
    got < expected ? suggestExample(command) : [],
  )
}

function refuseFlag(name: string, command: KeymgmtCommand, program: KeymgmtCommand): KeymgmtError {
  const { options } = command
  if (options.some((option) => option.long === `--${name}`))
    return usage(`invalid boolean value for -${name}`, [`write -${name} or -${name}=false`])
  const escape = 'put -- before an argument that begins with a dash'
  // Don't repeat a longer or unusual word, which may be a private key.
  if (!/^[A-Za-z][\w-]{0,30}$/.test(name)) return usage('bad flag syntax', [escape])
  const known = options.map((option) => option.name())
  return usage(`flag provided but not defined: -${name}`, [
    ...didYouMean(name, known).map((hint) => hint.replace(/"(.*)"/, '-$1')),
    ...ownersOf(name, program),
    'to list the flags, add -h',
    escape,
  ])
}

/** Returns the commands that have the flag. */
function ownersOf(name: string, program: KeymgmtCommand): readonly string[] {
  const owners = program.runnable.filter(({ options }) =>
    options.some(({ long, short }) => long === `--${name}` || short === `-${name}`),
  )
  return owners.length === 0
    ? []
    : [
        `only these commands have -${name}: ${owners.map((each) => each.nameBelow(program)).join(', ')}`,
      ]
}

function refuseCommand(command: KeymgmtCommand, program: KeymgmtCommand): KeymgmtError {
  // Vault prints its version for a lone -v.
  if (command.getOptionValue('version')) return refuseFlag('v', command, program)
  const [name] = command.args
  const known = command.commands.map((each) => each.name())
  const message =
    name === undefined
      ? `${command.fullName} needs the name of a command`
      : name.includes('=')
        ? 'the first argument must be a command, not name=value'
        : `unknown command ${quotePlain(name)}`
  return new KeymgmtError('COMMAND_UNKNOWN', message, {
    hints: [...didYouMean(name ?? '', known), `to list the commands: ${command.fullName} -h`],
  })
}
