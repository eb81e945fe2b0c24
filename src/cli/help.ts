import type { Command } from 'commander'
import { wrapEvenly } from './format/warnings.js'

const COMMANDS = [
  ['read', 'Read data and retrieves secrets'],
  ['write', 'Write data, configuration, and secrets'],
  ['delete', 'Delete secrets and configuration'],
  ['list', 'List data or secrets'],
  ['policy', 'Print the least IAM policy for all commands with a KMS provider'],
  ['status', 'Say where the store is and what it holds'],
  ['dev', 'Run an embedded AWS KMS, or a command against one'],
  ['path-help', 'Retrieve API help for paths'],
  ['version', 'Prints the keymgmt CLI version'],
] as const

/** The help of `keymgmt` itself. */
export function programHelp(): string {
  const commands = COMMANDS.map(([name, summary]) => `    ${name.padEnd(15)}${summary}`).join('\n')
  return `Usage: keymgmt <command> [args]

Examples:

    $ keymgmt write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1
    $ keymgmt write -f keymgmt/key/app type=aes256-gcm96
    $ keymgmt write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt

Commands:
${commands}

Paths: keymgmt path-help keymgmt
Try it without AWS: keymgmt dev -- bash
`
}

/** The arguments and description of each command, for its own help. */
const USAGE: Readonly<Record<string, readonly [usage: string, example: string]>> = {
  read: ['PATH', 'keymgmt read keymgmt/key/app'],
  write: ['PATH [DATA K=V...]', 'keymgmt write -f keymgmt/key/app type=aes256-gcm96'],
  delete: ['PATH', 'keymgmt delete keymgmt/kms/example-kms/key/app'],
  list: ['PATH', 'keymgmt list keymgmt/key'],
  policy: ['PATH', 'keymgmt policy keymgmt/kms/example-kms'],
  'path-help': ['PATH', 'keymgmt path-help keymgmt/key/app'],
  dev: ['[-- COMMAND...]', 'keymgmt dev -- bash'],
}

/** The help of one command, in Vault's layout. */
export function commandHelp(command: Command): string {
  const [args, example] = USAGE[command.name()] ?? ['', `keymgmt ${command.name()}`]
  const flags = [...command.options]
    .sort((one, other) => (one.long ?? '').localeCompare(other.long ?? ''))
    .map(({ long = '', flags: spelling, description }) => `  ${flagName(long, spelling)}\n${wrapEvenly(usage(description, spelling), 72).map((line) => `      ${line}`).join('\n')}\n`)
  const options = flags.length > 0 ? `\nCommand Options:\n\n${flags.join('\n')}` : ''
  return `Usage: keymgmt ${command.name()} ${flags.length > 0 ? '[options] ' : ''}${args}\n\n  ${command.summary()}:\n\n      $ ${example}\n${options}`
}

function flagName(long: string, spelling: string): string {
  const value = /<.*>/.exec(spelling)?.[0]
  return `${long.slice(1)}${value ? `=${value}` : ''}`
}

function usage(description: string, spelling: string): string {
  return spelling.includes('<') ? description : `${description} The default is false.`
}
