import { Option } from 'commander'
import { KeymgmtCommand, type Context } from './command.js'
import {
  dryRunOption,
  formatOption,
  outputPolicyOption,
  timeoutOption,
  type RequestFlags,
} from './flags.js'

/** The flags of `keymgmt due`. */
export type DueFlags = Pick<RequestFlags, 'format' | 'dryRun' | 'outputPolicy' | 'timeout'> & {
  readonly rotate?: boolean
}

/** `keymgmt due` */
export function defineDue(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('due')
    .summary('List the keys that are due for a rotation, or rotate them')
    .description(
      'Lists the keys whose newest version is older than their rotation_period, whose rotation did not finish, or whose distribution lacks a version. It reads the records only. The exit status is 3 if a key is due, and otherwise 0. With -rotate, it rotates these keys one after the other; a failure does not stop the others. A key that is behind is brought up to date; if it is also over age, it is rotated after that. The exit status is then 2 if a key could not be rotated, and otherwise 0.',
    )
    .example(
      'Let a key be rotated every 90 days',
      'keymgmt write keymgmt/key/app rotation_period=90d',
    )
    .example('List the keys that are due', 'keymgmt due')
    .example('Rotate them, once a day in cron', 'keymgmt due -rotate')
    .addOptions(
      dryRunOption().implies({ rotate: true }),
      formatOption(),
      outputPolicyOption().implies({ rotate: true }),
      new Option('--rotate', 'Rotate the keys that are due.'),
      timeoutOption(),
    )
    .action(async (flags: DueFlags) => (await import('../due.js')).due(context, flags))
}
