import { composeEngine } from '../../../engine.js'
import { loadFormat, type FormatName } from '../../../output/index.js'
import { KeymgmtCommand, type Context } from '../../command.js'
import { formatOption } from '../../flags.js'
import { countsData, formatted } from './print.js'

/** `keymgmt operator snapshot save FILE` */
export function defineSave(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('save')
    .summary('Save a snapshot of the store')
    .description(
      'Saves everything that the store contains in a new file, even while other commands write. The records of one key are from the same moment. The file is sealed like the store; keep the keyfile or the passphrase elsewhere. Refuses a FILE that exists.',
    )
    .example('Back up the store', 'keymgmt operator snapshot save store.snapshot')
    .argument('<FILE>')
    .addOption(formatOption())
    .action((file: string, { format }: { format: FormatName }) => save(context, file, format))
}

async function save(context: Context, file: string, formatName: FormatName): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName)
  const opened = composeEngine(context)
  const { describeSnapshot } = await import('../../../../core/operations/snapshot-contents.js')
  const { writeSnapshot } = await import('./file.js')
  const contents = describeSnapshot(await writeSnapshot(terminal, opened, file))
  terminal.out(formatted(terminal, format, { data: { file, ...countsData(contents) } }))
  return 0
}
