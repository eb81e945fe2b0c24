import { KeymgmtCommand, type Context } from '../command.js'
import { defineCheck } from './check.js'
import { defineInit } from './init.js'
import { defineRekey } from './rekey.js'
import { defineSealStatus } from './seal-status.js'
import { defineMigrate } from './migrate.js'
import { defineRotate } from './rotate.js'
import { defineSnapshot } from './snapshot/index.js'

/** `keymgmt operator` */
export function defineOperator(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('operator')
    .summary('Create, check, seal, move, back up and restore the store')
    .description('Commands for the operator of the store.')
    .example('Back up the store', 'keymgmt operator snapshot save today.snapshot')
    .addCommand(defineInit(context))
    .addCommand(defineCheck(context))
    .addCommand(defineSealStatus(context))
    .addCommand(defineRekey(context))
    .addCommand(defineMigrate(context))
    .addCommand(defineRotate(context))
    .addCommand(defineSnapshot(context))
}
