import type { KeymgmtCommand } from '../commands/command.js'
import { rows, summaryRow } from './command-help.js'
import { TOPICS } from './topics.js'

const COMMON = ['read', 'write', 'delete', 'list']

/** Returns the help of `keymgmt` itself, examples first. */
export function programHelp({ commands }: KeymgmtCommand): string {
  const isCommon = (command: KeymgmtCommand) => COMMON.includes(command.name())
  return `Usage: keymgmt <command> [args]

Examples:
    $ keymgmt write keymgmt/kms/example-kms \\
          provider=awskms key_collection=us-west-1
    $ keymgmt write -f keymgmt/key/app type=aes256-gcm96
    $ keymgmt write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt

Common commands:
${rows(commands.filter(isCommon).map(summaryRow))}
Other commands:
${rows(commands.filter((command) => !isCommon(command)).map(summaryRow))}
Topics:
${rows(TOPICS.map(({ name, summary }) => [name, summary]))}
Run 'keymgmt <command> -h' or 'keymgmt help <topic>' for details.
To try keymgmt without AWS, run: keymgmt dev -- bash
`
}
