import { composeEngine } from '../../../engine.js'
import { loadFormat, type FormatName } from '../../../output/index.js'
import { KeymgmtCommand, type Context } from '../../command.js'
import { formatOption } from '../../flags.js'
import { contentsData, countsData, formatted, keyRow } from './print.js'

/** `keymgmt operator snapshot inspect FILE` */
export function defineInspect(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('inspect')
    .summary('Check a snapshot and list its keys')
    .description(
      'Checks that the snapshot is complete and unchanged, and prints the id of its store, when it was saved, its seals, and its keys with their versions. It opens neither material nor credentials.',
    )
    .example('List the keys in a backup', 'keymgmt operator snapshot inspect backup.snapshot')
    .argument('<FILE>')
    .addOption(formatOption())
    .action((file: string, { format }: { format: FormatName }) => inspect(context, file, format))
}

async function inspect(context: Context, file: string, formatName: FormatName): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName)
  const opened = composeEngine(context)
  const { describeSnapshot } = await import('../../../../core/operations/snapshot-contents.js')
  const { readSnapshot } = await import('./file.js')
  const contents = describeSnapshot(await readSnapshot(terminal, opened, file))
  if (!format.humanReadable) {
    terminal.out(formatted(terminal, format, { data: contentsData(contents) }))
    return 0
  }
  terminal.out(formatted(terminal, format, { data: countsData(contents) }))
  if (contents.keys.length > 0)
    terminal.out(`\n${formatted(terminal, format, { data: {}, rows: contents.keys.map(keyRow) })}`)
  return 0
}
