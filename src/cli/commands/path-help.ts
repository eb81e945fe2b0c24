import { KeymgmtError } from '../../errors.js'
import { PATHS } from '../../paths/index.js'
import { findPath } from '../../router/router.js'
import { printError } from '../output/error.js'
import { loadFormat } from '../output/index.js'
import { sanitizePath } from '../input/paths.js'
import { defineCommand, type Session } from './command.js'
import { FORMAT } from './flags.js'

/** `keymgmt path-help PATH` */
export const pathHelpCommand = defineCommand({
  name: 'path-help',
  summary: 'Retrieve API help for paths',
  usage: 'PATH',
  description:
    'Says what a path is for, what can be done at it, and what each of its fields takes.',
  examples: [
    { does: 'All paths', line: 'keymgmt path-help keymgmt' },
    {
      does: 'One of them; any name will do',
      line: 'keymgmt path-help keymgmt/kms/example-kms/key/app',
    },
  ],
  flags: { format: FORMAT },
  first: { paths: 'any' },
  run: async ({ terminal, format }, args) => {
    if (args.length !== 1) {
      throw new KeymgmtError(
        'USAGE',
        `${args.length === 0 ? 'Not enough' : 'Too many'} arguments (expected 1, got ${args.length})`,
      )
    }
    try {
      terminal.out(await helpAbout(sanitizePath(args[0] ?? ''), format))
      return 0
    } catch (error) {
      return printError(terminal, error, 'Error retrieving help', format)
    }
  },
})

/** @throws KeymgmtError PATH_UNSUPPORTED */
async function helpAbout(path: string, name: Session['format']): Promise<string> {
  const { describeMount, describePath, mountHelp, pathHelp } = await import('../../router/help.js')
  const definition = path === 'keymgmt' ? undefined : findPath(PATHS, path).path
  if (name === 'table') return definition ? pathHelp(definition, path) : mountHelp(PATHS)
  const { field } = await loadFormat(name)
  return `${field(definition ? describePath(definition) : describeMount(PATHS), { escapeControls: false }).trimEnd()}\n`
}
