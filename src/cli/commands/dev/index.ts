import { InvalidArgumentError, Option } from 'commander'
import { resolve } from 'node:path'
import { DEFAULT_ACCOUNT } from '../../../dev-kms/default-account.js'
import { parseDuration } from '../../input/duration.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'
import type { ServeFlags } from './serve.js'
import type { DevFlags } from './start.js'

/** `keymgmt dev [-- COMMAND...]` */
export function defineDev(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('dev')
    .summary('Run an embedded AWS KMS, or a command against one')
    .description(
      'Serves an AWS KMS on this machine, in memory, and runs the command with a throw-away store and without any other AWS credentials; ends with the status of the command. Without a command it prints the variables to set and serves until Ctrl-C. "keymgmt help environment" lists the variables.',
    )
    .example('Open a shell that talks to the embedded AWS KMS', 'keymgmt dev -- bash')
    .example(
      'Run a script under the request quotas of AWS',
      'keymgmt dev -quotas=aws -- ./rotate-all.sh',
    )
    .example(
      'AWS carries out the request, but the reply is lost',
      'keymgmt dev -fault=CreateKey:1:drop -- bash',
    )
    .example(
      'Rehearse with a copy of the store, in another account',
      'keymgmt dev -account=444455556666 -store=/tmp/copy -- bash',
    )
    .example(
      'See what happens in 30 days: echo 30d > clock in the shell',
      'keymgmt dev -clock=clock -- bash',
    )
    .argument('[-- COMMAND...]')
    .addOptions(...devOptions())
    .action(async (args: readonly string[], flags: ServeFlags) =>
      (await import('./serve.js')).serve(context, args, flags),
    )
}

function devOptions(): readonly Option[] {
  return [
    new Option('--account <string>', 'ID of the AWS account to serve: 12 digits.')
      .default(undefined, DEFAULT_ACCOUNT)
      .argParser(readAccount),
    new Option(
      '--clock <string>',
      'File with a duration, such as 30d or -1h, by which to move the clock of the embedded KMS and of the command. It is read again whenever the time is needed.',
    ).argParser((file) => resolve(file)),
    new Option(
      '--credentials <string...>',
      'Credentials to accept, as ID:SECRET. Can be specified several times.',
    ).argParser(appendPair),
    new Option(
      '--fault <string...>',
      'Fault to inject, as Operation:nth:kind. Can be specified several times.',
    ),
    formatOption(),
    new Option('--latency <duration>', 'Delay of every reply, such as 50ms.').argParser(
      readLatency,
    ),
    new Option('--listen <string>', 'Address to listen on: host:port, on this machine.')
      .default({ host: '127.0.0.1', port: 0 }, '127.0.0.1:0')
      .argParser(readListen),
    new Option(
      '--policy <string>',
      'File with an IAM policy, as JSON, for the credentials that the embedded KMS issues.',
    ),
    new Option('--quotas <string>', 'Request quotas to enforce: "aws" or "none".')
      .choices(['aws', 'none'])
      .default('none'),
    new Option(
      '--store <string>',
      'Store of the command, as an absolute path or a file: URL. It is kept. The default is a throw-away store that is removed at the end.',
    ),
  ]
}

function readListen(listen: string): DevFlags['listen'] {
  const match = /^(.+):(\d{1,5})$/.exec(listen)
  const [, host = '', port = ''] = match ?? []
  if (!match || Number(port) > 65_535)
    throw new InvalidArgumentError('is HOST:PORT, such as 127.0.0.1:8443')
  return { host, port: Number(port) }
}

/** Upper bound on the latency. A longer one is a mistake, because clients wait only for seconds. */
const MAX_LATENCY_MS = 3_600_000

function readLatency(text: string): number {
  const latency = parseDuration('latency', text)
  if (latency > MAX_LATENCY_MS) throw new InvalidArgumentError('is at most 1h')
  return latency
}

function readAccount(account: string): string {
  if (!/^\d{12}$/.test(account)) throw new InvalidArgumentError('an account ID has 12 digits')
  return account
}

function appendPair(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, id, secret] = /^([^:\s]+):(\S+)$/.exec(text) ?? []
  if (id === undefined || secret === undefined)
    throw new InvalidArgumentError('is ID:SECRET, without white space')
  return { ...earlier, [id]: secret }
}
