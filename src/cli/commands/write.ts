import { KeymgmtError } from '../../errors.js'
import { runVerb } from '../verbs.js'
import { KeymgmtCommand, type Context } from './command.js'
import {
  dataArgument,
  dryRunOption,
  fieldOption,
  forceOption,
  formatOption,
  noCreateOption,
  outputPolicyOption,
  pathArgument,
  timeoutOption,
  type RequestFlags,
} from './flags.js'

/** `keymgmt write PATH [DATA K=V...]` */
export function defineWrite(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('write')
    .summary('Write data, configuration, and secrets')
    .description(
      'Writes data to the path. The data is "key=value" pairs. A value that begins with "@" is read from the file of that name, and "-" from stdin. An argument that is "-" or begins with "@" names JSON with all the data. Pass secrets in one of these ways: other users can see arguments.',
    )
    .example(
      'Configure a provider that uses the credentials in the environment',
      'keymgmt write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1',
    )
    .example('Create a key', 'keymgmt write -f keymgmt/key/app type=aes256-gcm96')
    .example(
      'Distribute the key to AWS',
      'keymgmt write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt protection=hsm',
    )
    .example('Rotate the key, here and in AWS', 'keymgmt write -f keymgmt/key/app/rotate')
    .example(
      'Show the calls to AWS that this would make',
      'keymgmt write -f -dry-run keymgmt/key/app/rotate',
    )
    .example(
      'Print the IAM policy that this needs',
      'keymgmt write -f -output-policy keymgmt/key/app/rotate',
    )
    .completing({ paths: 'write' })
    .addArgument(pathArgument())
    .addArgument(dataArgument())
    .addOptions(
      dryRunOption(),
      fieldOption(),
      forceOption(
        'Allow the operation to continue with no key=value pairs. This allows writing to keys that do not need or expect data.',
      ),
      formatOption(),
      noCreateOption(),
      outputPolicyOption(),
      timeoutOption(),
    )
    .action((path: string, args: readonly string[], flags: RequestFlags) => {
      if (args.length === 0 && !flags.force)
        throw new KeymgmtError('USAGE', 'Must supply data or use -force')
      return runVerb(context, 'write', { path, args, flags })
    })
}
