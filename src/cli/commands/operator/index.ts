import { KeymgmtCommand, type Context } from '../command.js'
import { defineSnapshot } from './snapshot/index.js'

/** `keymgmt operator` */
export function defineOperator(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('operator')
    .summary('Back up and restore the store')
    .description('Commands for the operator of the store.')
    .example('Back up the store', 'keymgmt operator snapshot save today.snapshot')
    .addCommand(defineSnapshot(context))
}
