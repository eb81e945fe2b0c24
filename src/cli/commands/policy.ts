import { kms } from '../../paths/kms.js'
import type { FormatName } from '../output/index.js'
import { KeymgmtCommand, type Context } from './command.js'
import { formatOption, pathArgument } from './flags.js'

/** `keymgmt policy keymgmt/kms/NAME` */
export function definePolicy(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('policy')
    .summary('Print the least-privilege IAM policy of a provider')
    .description(
      'Prints the IAM policy that a user of the provider needs, as JSON. It sends nothing to AWS. The flag -output-policy prints the policy of one command.',
    )
    .example('Print the policy of a provider', 'keymgmt policy keymgmt/kms/example-kms')
    .example(
      'Print the policy of one command',
      'keymgmt write -output-policy keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt',
    )
    .completing({ paths: 'read', only: kms })
    .addArgument(pathArgument())
    .addOption(formatOption())
    .action(async (path: string, { format }: { format: FormatName }) =>
      (await import('../iam-policy.js')).policy(context, format, path),
    )
}
