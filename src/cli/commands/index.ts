import { Option } from 'commander'
import { KeymgmtError } from '../../errors.js'
import { KeymgmtCommand, type Context } from './command.js'
import { formatOption } from './flags.js'
import type { FormatName } from '../output/index.js'

type Definition = (context: Context) => KeymgmtCommand

/** Loads the definition of each command, in the order in which help lists them. */
const COMMANDS: ReadonlyMap<string, () => Promise<Definition>> = new Map([
  ['read', async () => (await import('./read.js')).defineRead],
  ['write', async () => (await import('./write.js')).defineWrite],
  ['delete', async () => (await import('./delete.js')).defineDelete],
  ['list', async () => (await import('./list.js')).defineList],
  ['completion', async () => (await import('./completion.js')).defineCompletion],
  ['config', async () => (await import('./config.js')).defineConfig],
  ['due', async () => (await import('./due.js')).defineDue],
  ['dev', async () => (await import('./dev/index.js')).defineDev],
  ['expiring', async () => (await import('./expiring.js')).defineExpiring],
  ['help', async () => (await import('./help.js')).defineHelp],
  ['operator', async () => (await import('./operator/index.js')).defineOperator],
  ['path-help', async () => (await import('./path-help.js')).definePathHelp],
  ['policy', async () => (await import('./policy.js')).definePolicy],
  ['status', async () => (await import('./status.js')).defineStatus],
  ['version', async () => (await import('./version.js')).defineVersion],
])

interface ProgramFlags {
  readonly format: FormatName
  readonly version?: boolean
  readonly autocompleteInstall?: boolean
  readonly autocompleteUninstall?: boolean
}

/**
 * Returns `keymgmt` with only the command of this name, which takes less time. Returns it with all
 * commands if none has this name, for help, completion and hints.
 */
export async function defineProgram(context: Context, name = ''): Promise<KeymgmtCommand> {
  const program = new KeymgmtCommand('keymgmt')
    .enablePositionalOptions()
    .addOption(
      new Option(
        '--autocomplete-install',
        'Install completion in the start-up files of your shells.',
      ).conflicts('autocompleteUninstall'),
    )
    .addOption(
      new Option(
        '--autocomplete-uninstall',
        'Remove completion from the start-up files of your shells.',
      ),
    )
    .addOption(formatOption())
    .addOption(new Option('-v, --version', 'Print the version.'))
  program.action((flags: ProgramFlags) => runBare(context, program, flags))
  const named = COMMANDS.get(name)
  const needed = named ? [named] : [...COMMANDS.values()]
  for (const load of needed) program.addCommand((await load())(context))
  return program
}

/** `keymgmt` without a command. */
async function runBare(
  { terminal }: Context,
  program: KeymgmtCommand,
  { format, version, autocompleteInstall, autocompleteUninstall }: ProgramFlags,
): Promise<number> {
  if (version) return (await import('./version.js')).printVersion(terminal, format)
  if (autocompleteInstall || autocompleteUninstall)
    return (await import('../completion/install.js')).changeShells(
      terminal,
      autocompleteInstall ? 'install' : 'uninstall',
    )
  terminal.err((await import('../help/program-help.js')).programHelp(program))
  return new KeymgmtError('COMMAND_UNKNOWN', '').exitStatus
}
