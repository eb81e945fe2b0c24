import { Option } from 'commander'
import { KeymgmtError } from '../../errors.js'
import { KeymgmtCommand, type Context } from './command.js'
import { defineCompletion } from './completion.js'
import { defineConfig } from './config.js'
import { defineDelete } from './delete.js'
import { defineDev } from './dev/index.js'
import { formatOption } from './flags.js'
import { defineHelp } from './help.js'
import { defineList } from './list.js'
import { defineOperator } from './operator/index.js'
import { definePathHelp } from './path-help.js'
import { definePolicy } from './policy.js'
import { defineRead } from './read.js'
import { defineStatus } from './status.js'
import { defineVersion, printVersion } from './version.js'
import { defineWrite } from './write.js'
import type { FormatName } from '../output/index.js'

/** Every command, in the order in which help lists them. */
const COMMANDS: readonly ((context: Context) => KeymgmtCommand)[] = [
  defineRead,
  defineWrite,
  defineDelete,
  defineList,
  defineCompletion,
  defineConfig,
  defineDev,
  defineHelp,
  defineOperator,
  definePathHelp,
  definePolicy,
  defineStatus,
  defineVersion,
]

interface ProgramFlags {
  readonly format: FormatName
  readonly version?: boolean
  readonly autocompleteInstall?: boolean
  readonly autocompleteUninstall?: boolean
}

/**
 * Returns `keymgmt` with all its commands, arguments and flags. Help and completion read it too.
 */
export function defineProgram(context: Context): KeymgmtCommand {
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
  for (const define of COMMANDS) program.addCommand(define(context))
  return program
}

/** `keymgmt` without a command. */
async function runBare(
  { terminal }: Context,
  program: KeymgmtCommand,
  { format, version, autocompleteInstall, autocompleteUninstall }: ProgramFlags,
): Promise<number> {
  if (version) return printVersion(terminal, format)
  if (autocompleteInstall || autocompleteUninstall)
    return (await import('../completion/install.js')).changeShells(
      terminal,
      autocompleteInstall ? 'install' : 'uninstall',
    )
  terminal.err((await import('../help/program-help.js')).programHelp(program))
  return new KeymgmtError('COMMAND_UNKNOWN', '').exitStatus
}
