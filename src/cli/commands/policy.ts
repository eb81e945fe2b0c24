import { InvalidArgumentError, Option } from 'commander'
import { kms } from '../../paths/kms.js'
import type { FormatName } from '../output/index.js'
import type { StorePolicyFlags } from '../store-policy.js'
import { KeymgmtCommand, type Context } from './command.js'
import { fieldOption, formatOption, pathArgument } from './flags.js'

/** `keymgmt policy keymgmt/kms/NAME` and `keymgmt policy store` */
export function definePolicy(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('policy')
    .summary('Print the least-privilege policies of a provider or a store')
    .description(
      'Prints the IAM policy that a user of the provider needs, as JSON. It sends nothing to AWS. The flag -output-policy prints the policy of one command, and keymgmt policy store prints the policies of a store on S3.',
    )
    .example('Print the policy of a provider', 'keymgmt policy keymgmt/kms/example-kms')
    .example(
      'Print the policy of one command',
      'keymgmt write -output-policy keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt',
    )
    .completing({ paths: 'read', only: kms })
    .addArgument(pathArgument())
    .addOption(formatOption())
    .addCommand(definePolicyOfStore(context))
    .action(async (path: string, { format }: { format: FormatName }) =>
      (await import('../iam-policy.js')).policy(context, format, path),
    )
}

/** `keymgmt policy store` */
function definePolicyOfStore(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('store')
    .summary('Print the policies of a store on S3')
    .description(
      'Prints two policies for the store on S3, as JSON, and sends nothing to AWS. bucket_policy is for the bucket: it refuses writes and deletions without a condition, the deletion of object versions, and requests without TLS. iam_policy is for the users of the store. A deletion does not erase: S3 keeps earlier versions.',
    )
    .example(
      'Print the policy of the bucket',
      "KEYMGMT_STORE='s3://acme-keys/prod?region=eu-west-1' keymgmt policy store -field=bucket_policy",
    )
    .example(
      'Print the policy of the users',
      "KEYMGMT_STORE='s3://acme-keys/prod?region=eu-west-1' keymgmt policy store -field=iam_policy",
    )
    .addOptions(
      new Option(
        '--bucket-key <arn>',
        'ARN of the KMS key with which the bucket encrypts its objects (SSE-KMS). Without it, the policy allows no use of a KMS key by S3.',
      ).argParser(parseKeyArn),
      fieldOption(),
      formatOption(),
      new Option(
        '--seal-key <arns>',
        'ARNs of the KMS keys that seal the store (awskms seals), separated by commas.',
      ).argParser((text) => text.split(',').map(parseKeyArn)),
    )
    .action(async (flags: StorePolicyFlags) =>
      (await import('../store-policy.js')).printStorePolicy(context, flags),
    )
}

function parseKeyArn(text: string): string {
  if (/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/.test(text)) return text
  throw new InvalidArgumentError(
    'it takes the ARN of a KMS key, such as arn:aws:kms:eu-west-1:111122223333:key/ID',
  )
}
