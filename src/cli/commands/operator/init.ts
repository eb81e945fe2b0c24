import { composeEngine } from '../../engine.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'

/** `keymgmt operator init` */
export function defineInit(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('init')
    .summary('Create the store')
    .description(
      'Creates the store with its seal. A store on S3 needs this command; keymgmt creates a local store by itself. On S3, it first proves, as keymgmt operator check does, that the server keeps the conditions of requests. Refuses if the store exists; of several commands at the same time, one succeeds.',
    )
    .example(
      'Create a store for a team',
      "KEYMGMT_STORE='s3://acme-keys/prod?region=eu-west-1' keymgmt operator init",
    )
    .addOption(formatOption())
    .action(({ format }: { format: FormatName }) => init(context, format))
}

async function init(context: Context, formatName: FormatName): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName)
  const opened = composeEngine(context)
  const { kind, path, keyfile = '' } = await opened.initialize()
  const versioning = await opened.versioning()
  const { printStoreReport } = await import('../../output/store-report.js')
  printStoreReport(terminal, format, { keyfile, seal: kind, store: path }, versioning)
  return 0
}
