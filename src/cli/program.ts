import { KeymgmtError } from '../errors.js'
import { didYouMean } from '../router/suggest.js'
import type { Command, Session } from './commands/command.js'
import { COMMANDS } from './commands/index.js'
import { printVersion } from './commands/version.js'
import { printError } from './output/error.js'
import { readArguments, valuesOf, type FlagTable } from './go-flags.js'
import { parseFormat, type FormatName } from './output/index.js'
import type { Terminal } from './terminal.js'

/** Every flag of every command, so that an argument can be read before it is known whose it is. */
const EVERY_FLAG = Object.assign({}, ...COMMANDS.map(({ flags }) => flags)) as FlagTable

/** Reads the command line and runs what it asks for; answers the exit status. */
export async function runProgram(
  argv: readonly string[],
  { terminal, signal }: Omit<Session, 'format'>,
): Promise<number> {
  const { COMP_LINE, COMP_POINT, KEYMGMT_FORMAT, VAULT_FORMAT } = terminal.env
  let format: FormatName = 'table'
  try {
    if (COMP_LINE)
      return await (
        await import('./completion/index.js')
      ).printCandidates({ terminal, signal }, COMP_LINE, COMP_POINT)
    const installer = flagsAmong(argv, /^--?autocomplete-(un)?install$/)
    if (installer.length > 0)
      return (await import('./completion/install.js')).changeShells(terminal, installer)
    const {
      words: [name, ...args],
      given,
      problems,
    } = readArguments(argv, EVERY_FLAG)
    const command = COMMANDS.find((candidate) => candidate.name === name)
    if (flagsAmong(argv, /^(-h|--?help)$/).length > 0) return await printHelp(terminal.out, command)
    if (argv.length === 0) {
      await printHelp(terminal.err)
      return new KeymgmtError('COMMAND_UNKNOWN', '').exitStatus
    }
    format = parseFormat(
      [given.get('format')?.at(-1), KEYMGMT_FORMAT, VAULT_FORMAT].find(Boolean) ?? '',
    )
    if (argv.length === 1 && /^--?v(ersion)?$/.test(argv[0] ?? ''))
      return await printVersion(terminal, format)
    if (problems[0]) throw problems[0]
    if (!command) throw unknownCommand(name ?? '')
    return await command.run({ terminal, signal, format }, args, valuesOf(command.flags, given))
  } catch (error) {
    return printError(terminal, error, undefined, format)
  }
}

/** What is a flag for the whole program, whatever else there is on the line, as Vault does. */
function flagsAmong(argv: readonly string[], pattern: RegExp): readonly string[] {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? argv.length : end).filter((arg) => pattern.test(arg))
}

async function printHelp(print: Terminal['out'], command?: Command): Promise<number> {
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
