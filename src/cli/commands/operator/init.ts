import type { SealName } from '../../../store/seals/index.js'
import { composeEngine } from '../../engine.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'
import { sealOption } from './seals.js'

interface InitFlags {
  readonly format: FormatName
  readonly seal?: readonly SealName[]
}

/** `keymgmt operator init` */
export function defineInit(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('init')
    .summary('Create the store')
    .description(
      'Creates the store with its seals; each of them opens it alone. Only this command creates a store on S3, after the test of keymgmt operator check; the first write creates a local store. Fails if the store exists; if several commands create it at the same time, one succeeds.',
    )
    .example(
      'Create a store for a team',
      "KEYMGMT_STORE='s3://acme-keys/prod?region=eu-west-1' keymgmt operator init",
    )
    .addOption(formatOption())
    .addOption(
      sealOption(
        'seal',
        'A seal of the new store. The default is KEYMGMT_SEAL, else a passphrase if the environment gives one, else a keyfile.',
      ),
    )
    .action((flags: InitFlags) => init(context, flags))
}

async function init(context: Context, flags: InitFlags): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(flags.format)
  const opened = composeEngine(context, { createSeals: flags.seal })
  const { seals, path, keyfile = '' } = await opened.initialize()
  const versioning = await opened.versioning()
  const { printStoreReport } = await import('../../output/store-report.js')
  printStoreReport(terminal, format, { keyfile, seals: [...seals], store: path }, versioning)
  return 0
}
