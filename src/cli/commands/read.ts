import { runVerb } from '../verbs.js'
import { KeymgmtCommand, type Context } from './command.js'
import {
  dataArgument,
  fieldOption,
  formatOption,
  noCreateOption,
  outputPolicyOption,
  pathArgument,
  timeoutOption,
  type RequestFlags,
} from './flags.js'

/** `keymgmt read PATH` */
export function defineRead(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('read')
    .summary('Read data and retrieves secrets')
    .description(
      'Reads the object at the path. The output never contains key material or credentials.',
    )
    .example('Read the settings and versions of a key', 'keymgmt read keymgmt/key/app')
    .example('Print one field, for a script', 'keymgmt read -field=latest_version keymgmt/key/app')
    .example('Compare the records with AWS', 'keymgmt read keymgmt/kms/example-kms/key/app/verify')
    .completing({ paths: 'read' })
    .addArgument(pathArgument())
    .addArgument(dataArgument())
    .addOptions(
      fieldOption(),
      formatOption(),
      noCreateOption(),
      outputPolicyOption(),
      timeoutOption(),
    )
    .action((path: string, args: readonly string[], flags: RequestFlags) =>
      runVerb(context, 'read', { path, args, flags }),
    )
}
