import { loadFormat } from '../output/index.js'
import type { Terminal } from '../terminal.js'
import { defineCommand, type Session } from './command.js'
import { FORMAT } from './flags.js'

/** `keymgmt version` */
export const version = defineCommand({
  name: 'version',
  summary: 'Prints the keymgmt CLI version',
  usage: '',
  description: 'Prints the version of this command.',
  examples: [{ does: 'The version', line: 'keymgmt version' }],
  flags: { format: FORMAT },
  run: ({ terminal, format }) => printVersion(terminal, format),
})

/** Prints the version; answers the exit status. */
export async function printVersion(terminal: Terminal, name: Session['format']): Promise<number> {
  const version = (await import('../version.js')).packageVersion()
  if (name === 'table') terminal.out(`keymgmt v${version}\n`)
  else
    terminal.out(
      `${(await loadFormat(name)).field({ version }, { escapeControls: false }).trimEnd()}\n`,
    )
  return 0
}
