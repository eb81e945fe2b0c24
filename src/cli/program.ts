import { KeymgmtError } from '../errors.js'
import { didYouMean } from '../router/suggest.js'
import type { Command, Session } from './commands/command.js'
import { COMMANDS } from './commands/index.js'
import { printVersion } from './commands/version.js'
import { complain } from './output/error.js'
import { readArguments, valuesOf, type FlagTable } from './go-flags.js'
import type { FormatName } from './output/index.js'
import { effectiveFormat, readSettings } from './settings.js'
import type { Io } from './terminal.js'

/** Every flag of every command, so that an argument can be read before it is known whose it is. */
const EVERY_FLAG = Object.assign({}, ...COMMANDS.map(({ flags }) => flags)) as FlagTable

/** Reads the command line and runs what it asks for; answers the exit status. */
export async function runProgram(
  argv: readonly string[],
  { io, signal }: Omit<Session, 'format'>,
): Promise<number> {
  const { COMP_LINE, COMP_POINT } = io.env
  let format: FormatName = 'table'
  try {
    if (COMP_LINE)
      return await (
        await import('./completion/index.js')
      ).printCandidates({ io, signal }, COMP_LINE, COMP_POINT)
    const installer = flagsAmong(argv, /^--?autocomplete-(un)?install$/)
    if (installer.length > 0)
      return (await import('./completion/install.js')).changeShells(io, installer)
    const {
      words: [name, ...args],
      given,
      problems,
    } = readArguments(argv, EVERY_FLAG)
    const command = COMMANDS.find((candidate) => candidate.name === name)
    if (flagsAmong(argv, /^(-h|--?help)$/).length > 0) return await printHelp(io.out, command)
    if (argv.length === 0) {
      await printHelp(io.err)
      return new KeymgmtError('COMMAND_UNKNOWN', '').exitStatus
    }
    const flag = given.get('format')?.at(-1)
    format = effectiveFormat(flag, io).value
    if (argv.length === 1 && /^--?v(ersion)?$/.test(argv[0] ?? ''))
      return await printVersion(io, format)
    // A damaged settings file must not keep the user from help, which has no format.
    const settings = command?.flags.format ? await readSettings(io) : {}
    format = effectiveFormat(flag, { ...io, settings }).value
    if (problems[0]) throw problems[0]
    if (!command) throw unknownCommand(name ?? '')
    return await command.run(
      { io: { ...io, settings }, signal, format },
      args,
      valuesOf(command.flags, given),
    )
  } catch (error) {
    return complain(io, error, undefined, format)
  }
}

/** What is a flag for the whole program, whatever else there is on the line, as Vault does. */
function flagsAmong(argv: readonly string[], pattern: RegExp): readonly string[] {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? argv.length : end).filter((arg) => pattern.test(arg))
}

async function printHelp(print: Io['out'], command?: Command): Promise<number> {
  if (command) print((await import('./help/command-help.js')).commandHelp(command))
  else print((await import('./help/program-help.js')).programHelp())
  return 0
}

function unknownCommand(name: string): KeymgmtError {
  // With a value in it, it is not repeated.
  const message = name.includes('=')
    ? 'the first argument is the command, and this is name=value'
    : `there is no command ${JSON.stringify(name)}`
  return new KeymgmtError('COMMAND_UNKNOWN', message, {
    hints: [
      ...didYouMean(
        name,
        COMMANDS.map((command) => command.name),
      ),
      'see which there are: keymgmt -h',
    ],
  })
}
