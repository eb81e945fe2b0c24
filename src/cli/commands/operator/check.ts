import { KeymgmtError } from '../../../errors.js'
import { composeEngine } from '../../engine.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'

/** `keymgmt operator check` */
export function defineCheck(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('check')
    .summary('Check the server of a store on S3')
    .description(
      'Proves that the server of a store on S3 honours conditional requests. Sends more than 200 of them, in parallel and one after the other, to separate objects that it deletes at the end. A server that ignores a condition would lose changes; the error names the rule that it breaks. Also shows if the bucket has versioning. Does not change the store.',
    )
    .example(
      'Check the server of a bucket',
      "KEYMGMT_STORE='s3://acme-keys/prod?region=eu-west-1' keymgmt operator check",
    )
    .addOption(formatOption())
    .action(({ format }: { format: FormatName }) => check(context, format))
}

async function check(context: Context, formatName: FormatName): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName)
  const opened = composeEngine(context)
  const requests = await opened.testBackend()
  const { path } = await opened.seal()
  if (requests === undefined) throw localStoreError(path)
  const { printStoreReport } = await import('../../output/store-report.js')
  const facts = { conditional_requests: requests, store: path }
  printStoreReport(terminal, format, facts, await opened.versioning())
  return 0
}

function localStoreError(path: string): KeymgmtError {
  return new KeymgmtError(
    'OPERATION_UNSUPPORTED',
    `the store ${path} is a folder on this machine: it has no server to check`,
    { hints: ['to check a store on S3, set KEYMGMT_STORE to its URL'] },
  )
}
