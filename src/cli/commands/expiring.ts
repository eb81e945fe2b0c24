import { Option } from 'commander'
import { parseDuration } from '../input/duration.js'
import type { GateFlags } from '../gate.js'
import { KeymgmtCommand, type Context } from './command.js'
import { dryRunOption, formatOption, outputPolicyOption, timeoutOption } from './flags.js'

/** The time within which an expiry is listed. */
const DEFAULT_WITHIN = '30d'

/** The flags of `keymgmt expiring`. */
export type ExpiringFlags = GateFlags & {
  readonly renew?: boolean
  /** In milliseconds. */
  readonly within: number
}

/** `keymgmt expiring` */
export function defineExpiring(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('expiring')
    .summary('List the KMS keys whose material expires, or renew them')
    .description(
      'Lists the KMS keys of all providers whose imported material expires soon or has expired, the earliest first. It reads the records only. The exit status is 3 if it lists a KMS key, and 0 if it lists none. With -renew, it renews each of these distributions that has a ttl, one after the other; a failure does not stop the others. It does not change a valid_to or the expiry of adopted material. The exit status is then 2 if a renewal failed, otherwise 3 if a KMS key would still be listed, and otherwise 0. A KMS key whose ttl is not longer than -within is always listed.',
    )
    .example(
      'Let the material of a key expire after 90 days',
      'keymgmt write keymgmt/kms/example-kms/key/app/renew ttl=90d',
    )
    .example('List what expires within 30 days', 'keymgmt expiring')
    .example(
      'Renew what expires within a week, once a day in cron',
      'keymgmt expiring -within=7d -renew',
    )
    .addOptions(
      dryRunOption().implies({ renew: true }),
      formatOption(),
      outputPolicyOption().implies({ renew: true }),
      new Option('--renew', 'Renew the distributions that have a ttl.'),
      timeoutOption(),
      new Option('--within <duration>', 'List what expires within this time, such as 7d.')
        .argParser((text) => parseDuration('within', text))
        .default(parseDuration('within', DEFAULT_WITHIN), DEFAULT_WITHIN),
    )
    .action(async (flags: ExpiringFlags) =>
      (await import('../expiring.js')).expiring(context, flags),
    )
}
