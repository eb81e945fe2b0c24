import { Option } from 'commander'
import { describeCredentialsSource } from '../../paths/credentials-source.js'
import { composeEngine } from '../engine.js'
import { loadFormat, type FormatName } from '../output/index.js'
import { effectiveSettings, type Effective } from '../settings.js'
import { KeymgmtCommand, type Context } from './command.js'
import { formatInForce, formatOption } from './flags.js'

/** `keymgmt status` */
export function defineStatus(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('status')
    .summary('Show the store, its seals and the settings')
    .description(
      'Shows the location of the store, its seals, the settings in force, and the numbers of keys, providers and distributions, including those that are removed or behind. It reads the records of distributed keys, opens no material, and sends nothing to AWS KMS. With -detailed, it lists every key, from the records alone; the exit status is then 2 if one could not be read.',
    )
    .example('Find the keyfile, to back it up', 'keymgmt status')
    .example('List every key, with its distributions and their cost', 'keymgmt status -detailed')
    .addOptions(
      new Option(
        '--detailed',
        'List every key instead, with its versions, providers, Regions, states, dates and monthly cost.',
      ),
      formatOption(),
    )
    .action(async ({ detailed }: { readonly detailed?: boolean }, command: KeymgmtCommand) => {
      const format = formatInForce(command)
      if (!detailed) return printStatus(context, format)
      return (await import('../detailed-status.js')).printDetailedStatus(context, format.value)
    })
}

async function printStatus(context: Context, formatName: Effective<FormatName>): Promise<number> {
  const { terminal } = context
  const settings = effectiveSettings(context, formatName)
  const opened = composeEngine(context)
  const [seal, versioning] = await Promise.all([opened.seal(), opened.versioning()])
  const { readStatus } = await import('../../core/operations/status.js')
  const { credentials, removed, ...counts } = await readStatus(opened.engine)
  const data = {
    ...counts,
    removed: removed.length,
    ...(removed.length > 0 && {
      removed_until: Object.fromEntries(
        removed.map(({ providerName, key, date }) => [`${providerName}/${key}`, date ?? '']),
      ),
    }),
    credentials: Object.fromEntries(
      Object.entries(credentials).map(([name, source]) => [
        name,
        describeCredentialsSource(source),
      ]),
    ),
    format: settings.format.value,
    format_source: settings.format.source,
    keyfile: settings.keyfile.value,
    keyfile_source: settings.keyfile.source,
    seals: [...seal.seals],
    seal_keyfile: seal.keyfile ?? '',
    store: seal.path,
    store_source: settings.store.source,
  }
  const format = await loadFormat(formatName.value)
  const { printStoreReport } = await import('../output/store-report.js')
  printStoreReport(terminal, format, data, versioning)
  return 0
}
