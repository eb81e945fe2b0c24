import { Option } from 'commander'
import { KeymgmtError } from '../../../errors.js'
import { storeLocation } from '../../../store/locate.js'
import { composeEngine } from '../../engine.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'

interface MigrateFlags {
  readonly format: FormatName
  readonly to?: string
  readonly cancel?: boolean
}

/** `keymgmt operator migrate` */
export function defineMigrate(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('migrate')
    .summary('Move the store to another place')
    .description(
      'Copies every record to another place, which must be empty, and opens each copy there. The store keeps its id and its seals. Running commands may finish; all other writes are refused meanwhile. Afterwards, the old store can still be read, but refuses writes and names the new place. If keymgmt expects the keyfile of the new place under another path, it copies the keyfile there. Run an interrupted migration again to complete it, or cancel it.',
    )
    .example(
      'Move a local store to a bucket',
      "keymgmt operator migrate -to='s3://acme-keys/prod?region=eu-west-1'",
    )
    .addOption(
      new Option(
        '--cancel',
        'End a migration that is not complete. The old store takes writes again; the copy stays incomplete, and can be deleted.',
      ).conflicts('to'),
    )
    .addOption(formatOption())
    .addOption(new Option('--to <URL>', 'The new place: an absolute path, or a file: or s3: URL.'))
    .action((flags: MigrateFlags) => migrate(context, flags))
}

async function migrate(context: Context, { format, to, cancel }: MigrateFlags): Promise<number> {
  if (to === undefined && !cancel)
    throw new KeymgmtError('USAGE', 'operator migrate needs the new place', {
      hints: ['specify it: keymgmt operator migrate -to=URL'],
    })
  return to === undefined ? endMigration(context, format) : move(context, to, format)
}

async function move(context: Context, given: string, formatName: FormatName): Promise<number> {
  const { terminal } = context
  const place = newPlace(given, terminal.platform)
  const format = await loadFormat(formatName)
  const { from, to, storeId, records } = await composeEngine(context).migrate(place)
  const { printResult } = await import('../../output/store-report.js')
  printResult(terminal, format, { moved_from: from, records, store: to, store_id: storeId }, [
    `The store in ${from} takes no more writes. Use the new location: keymgmt config store='${to}', or KEYMGMT_STORE='${to}'`,
  ])
  return 0
}

/** @throws KeymgmtError USAGE for a place that no store can have. */
function newPlace(given: string, platform: string): string {
  try {
    return storeLocation(given, '-to', platform)
  } catch (error) {
    const { message, hints } = error as KeymgmtError
    throw new KeymgmtError('USAGE', message, { hints })
  }
}

async function endMigration(context: Context, formatName: FormatName): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName)
  const { cancelMigration } = await import('../../../store/migrate.js')
  const place = await composeEngine(context).place()
  const copy = (await cancelMigration(place)) ?? ''
  const { printResult } = await import('../../output/store-report.js')
  const data = { incomplete_copy: copy, store: place.name }
  printResult(terminal, format, data, copy === '' ? ['No migration was unfinished.'] : [])
  return 0
}
