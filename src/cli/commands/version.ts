import { loadFormat, type FormatName } from '../output/index.js'
import type { Terminal } from '../terminal.js'
import { packageVersion } from '../../version.js'
import { KeymgmtCommand, type Context } from './command.js'
import { formatOption } from './flags.js'

/** `keymgmt version` */
export function defineVersion({ terminal }: Context): KeymgmtCommand {
  return (
    new KeymgmtCommand('version')
      .summary('Prints the keymgmt CLI version')
      .description('Prints the version of this command.')
      .example('Print the version', 'keymgmt version')
      // Vault's ignores its arguments, too.
      .allowExcessArguments()
      .addOption(formatOption())
      .action(({ format }: { format: FormatName }) => printVersion(terminal, format))
  )
}

/** Prints the version; returns the exit status. */
export async function printVersion(terminal: Terminal, name: FormatName): Promise<number> {
  const version = packageVersion()
  if (name === 'table') terminal.out(`keymgmt v${version}\n`)
  else
    terminal.out(
      `${(await loadFormat(name)).field({ version }, { escapeControls: false }).trimEnd()}\n`,
    )
  return 0
}
