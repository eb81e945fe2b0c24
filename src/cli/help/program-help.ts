import { COMMANDS } from '../commands/index.js'
import type { Command } from '../commands/command.js'
import { TOPICS } from './topics.js'

const COMMON = ['read', 'write', 'delete', 'list']

/** The help of `keymgmt` itself: examples first. */
export function programHelp(): string {
  const isCommon = ({ name }: Command) => COMMON.includes(name)
  return `Usage: keymgmt <command> [args]

Examples:
    $ keymgmt write keymgmt/kms/example-kms \\
          provider=awskms key_collection=us-west-1
    $ keymgmt write -f keymgmt/key/app type=aes256-gcm96
    $ keymgmt write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt

Common commands:
${block(COMMANDS.filter(isCommon))}
Other commands:
${block(COMMANDS.filter((command) => !isCommon(command)))}
Help on:
${block(TOPICS)}
keymgmt <command> -h says more of a command, keymgmt help <topic> of a topic.
Try it without AWS: keymgmt dev -- bash
`
}

function block(rows: readonly { readonly name: string; readonly summary: string }[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length)) + 6
  return rows.map(({ name, summary }) => `    ${name.padEnd(width)}${summary}\n`).join('')
}
