import { loadFormat } from '../output/index.js'
import type { Io } from '../terminal.js'
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
  run: ({ io, format }) => printVersion(io, format),
})

/** Prints the version; answers the exit status. */
export async function printVersion(io: Io, name: Session['format']): Promise<number> {
  const version = (await import('../version.js')).packageVersion()
  if (name === 'table') io.out(`keymgmt v${version}\n`)
  else
    io.out(`${(await loadFormat(name)).field({ version }, { escapeControls: false }).trimEnd()}\n`)
  return 0
}
