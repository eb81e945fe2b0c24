import { MOUNT_DESCRIPTION, PATHS } from '../../paths/index.js'
import { findPath } from '../../router/router.js'
import { printError } from '../output/error.js'
import { loadFormat, type FormatName } from '../output/index.js'
import { KeymgmtCommand, type Context } from './command.js'
import { formatOption, pathArgument } from './flags.js'

/** `keymgmt path-help PATH` */
export function definePathHelp({ terminal }: Context): KeymgmtCommand {
  return new KeymgmtCommand('path-help')
    .summary('Retrieve API help for paths')
    .description(
      'Describes a path: its purpose, its operations, and the values that its fields accept.',
    )
    .example('List all paths', 'keymgmt path-help keymgmt')
    .example(
      'Describe one path; the names in it can be any',
      'keymgmt path-help keymgmt/kms/example-kms/key/app',
    )
    .completing({ paths: 'any' })
    .addArgument(pathArgument())
    .addOption(formatOption())
    .action(async (path: string, { format }: { format: FormatName }) => {
      try {
        terminal.out(await helpAbout(path, format))
        return 0
      } catch (error) {
        return printError(terminal, error, 'Error retrieving help', format)
      }
    })
}

/** @throws KeymgmtError PATH_UNSUPPORTED */
async function helpAbout(path: string, name: FormatName): Promise<string> {
  const { describeMount, describePath, mountHelp, pathHelp } = await import('../../router/help.js')
  const definition = path === 'keymgmt' ? undefined : findPath(PATHS, path).path
  if (name === 'table')
    return definition ? pathHelp(definition, path) : mountHelp(PATHS, MOUNT_DESCRIPTION)
  const { field } = await loadFormat(name)
  return `${field(definition ? describePath(definition) : describeMount(PATHS, MOUNT_DESCRIPTION), { escapeControls: false }).trimEnd()}\n`
}
