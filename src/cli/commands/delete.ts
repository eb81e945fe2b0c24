import { runVerb } from '../verbs.js'
import { KeymgmtCommand, type Context } from './command.js'
import {
  dataArgument,
  dryRunOption,
  fieldOption,
  formatOption,
  noCreateOption,
  outputPolicyOption,
  pathArgument,
  timeoutOption,
  type RequestFlags,
} from './flags.js'

/** `keymgmt delete PATH [DATA K=V...]` */
export function defineDelete(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('delete')
    .summary('Delete secrets and configuration')
    .description(
      'Deletes the object at the path. KMS keys are scheduled for deletion, and can be restored until the deletion date.',
    )
    .example('Remove a key from AWS', 'keymgmt delete keymgmt/kms/example-kms/key/app')
    .example(
      'Show the calls that this would make',
      'keymgmt delete -dry-run keymgmt/kms/example-kms/key/app',
    )
    .completing({ paths: 'delete' })
    .addArgument(pathArgument())
    .addArgument(dataArgument())
    .addOptions(
      dryRunOption(),
      fieldOption(),
      formatOption(),
      noCreateOption(),
      outputPolicyOption(),
      timeoutOption(),
    )
    .action((path: string, args: readonly string[], flags: RequestFlags) =>
      runVerb(context, 'delete', { path, args, flags }),
    )
}
