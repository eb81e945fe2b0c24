import { KeymgmtCommand, type Context } from '../../command.js'
import { defineInspect } from './inspect.js'
import { defineRestore } from './restore.js'
import { defineSave } from './save.js'

/** `keymgmt operator snapshot` */
export function defineSnapshot(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('snapshot')
    .summary('Save, inspect and restore snapshots of the store')
    .description(
      "A snapshot is one file with everything that the store contains, sealed with the store's own seals: the same keyfile or passphrase opens it.",
    )
    .example('Back up the store', 'keymgmt operator snapshot save today.snapshot')
    .addCommand(defineSave(context))
    .addCommand(defineInspect(context))
    .addCommand(defineRestore(context))
}
