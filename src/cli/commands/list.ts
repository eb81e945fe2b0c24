import { runVerb } from '../verbs.js'
import { KeymgmtCommand, type Context } from './command.js'
import {
  formatOption,
  noCreateOption,
  outputPolicyOption,
  pathArgument,
  timeoutOption,
  type RequestFlags,
} from './flags.js'

/** `keymgmt list PATH` */
export function defineList(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('list')
    .summary('List data or secrets')
    .description('Lists the names below the path.')
    .example('List the keys', 'keymgmt list keymgmt/key')
    .example('List the providers', 'keymgmt list keymgmt/kms')
    .example('List the keys in a provider', 'keymgmt list keymgmt/kms/example-kms/key')
    .completing({ paths: 'list' })
    .addArgument(pathArgument())
    .addOptions(formatOption(), noCreateOption(), outputPolicyOption(), timeoutOption())
    .action((path: string, flags: RequestFlags) =>
      runVerb(context, 'list', { path, args: [], flags }),
    )
}
