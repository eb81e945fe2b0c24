import { InvalidArgumentError, Option } from 'commander'
import { DEFAULT_ACCOUNT } from '../../../dev-kms/arn.js'
import type { DevKms } from '../../../dev-kms/index.js'
import { parseDuration } from '../../input/duration.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'
import { runChild } from './child.js'
import type { DevFlags } from './start.js'

/** `keymgmt dev [-- COMMAND...]` */
export function defineDev(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('dev')
    .summary('Run an embedded AWS KMS, or a command against one')
    .description(
      'Serves an AWS KMS of its own on this machine, in memory, and runs the command with the variables by which keymgmt, the AWS CLI and the SDKs find it; ends with the status of the command. Without a command it prints the variables and serves until Ctrl-C.',
    )
    .example('A shell in which everything works and nothing costs', 'keymgmt dev -- bash')
    .example(
      'A script against the request quotas of AWS',
      'keymgmt dev -quotas=aws -- ./rotate-all.sh',
    )
    .example(
      'AWS does what it is asked for, and the answer is lost',
      'keymgmt dev -fault=CreateKey:1:drop -- bash',
    )
    .argument('[-- COMMAND...]')
    .addOption(
      new Option('--account <string>', 'The 12 digits of the AWS account to be.')
        .default(undefined, DEFAULT_ACCOUNT)
        .argParser(readAccount),
    )
    .addOption(
      new Option(
        '--credentials <string...>',
        'Credentials to accept, as ID:SECRET. Can be given several times.',
      ).argParser(appendPair),
    )
    .addOption(
      new Option(
        '--fault <string...>',
        'Fault to inject, as Operation:nth:kind. Can be given several times.',
      ),
    )
    .addOption(formatOption())
    .addOption(
      new Option(
        '--latency <duration>',
        'Time that every answer takes longer, such as 50ms.',
      ).argParser((text) => parseDuration('latency', text)),
    )
    .addOption(
      new Option('--listen <string>', 'Address to listen on: host:port, on this machine.')
        .default({ host: '127.0.0.1', port: 0 }, '127.0.0.1:0')
        .argParser(readListen),
    )
    .addOption(
      new Option(
        '--policy <string>',
        'File with an IAM policy, as JSON, that limits the pair that is handed out.',
      ),
    )
    .addOption(
      new Option('--quotas <string>', 'Request quotas to enforce: "aws" or "none".')
        .choices(['aws', 'none'])
        .default('none'),
    )
    .action((command: readonly string[], flags: DevFlags & { readonly format: FormatName }) =>
      serve(context, command, flags),
    )
}

/** Serves until the command has ended, and returns its status; without one, until interrupted. */
async function serve(
  { terminal, signal }: Context,
  command: readonly string[],
  flags: DevFlags & { readonly format: FormatName },
): Promise<number> {
  const kms = await (await import('./start.js')).start(flags)
  try {
    const variables = environment(kms, terminal.env)
    if (command.length > 0) return await runChild(command, { ...terminal.env, ...variables })
    if (flags.format === 'table')
      for (const [name, value] of Object.entries(variables))
        terminal.out(`export ${name}=${value}\n`)
    else
      terminal.out(
        `${(await loadFormat(flags.format)).field(variables, { escapeControls: false }).trimEnd()}\n`,
      )
    terminal.err('The embedded AWS KMS is running, in memory, until you press Ctrl-C.\n')
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve()
      })
    })
    return 0
  } finally {
    await kms.close()
  }
}

/** The Region that is set for the command where the caller has set none. */
const DEFAULT_REGION = 'us-east-1'

function environment(
  { endpoint, credentials }: DevKms,
  env: Readonly<Record<string, string | undefined>>,
) {
  return {
    AWS_ENDPOINT_URL_KMS: endpoint,
    AWS_KMS_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: env.AWS_REGION ?? DEFAULT_REGION,
  }
}

function readListen(listen: string): DevFlags['listen'] {
  const match = /^(.+):(\d{1,5})$/.exec(listen)
  const [, host = '', port = ''] = match ?? []
  if (!match || Number(port) > 65_535)
    throw new InvalidArgumentError('is HOST:PORT, such as 127.0.0.1:8443')
  return { host, port: Number(port) }
}

function readAccount(account: string): string {
  if (!/^\d{12}$/.test(account)) throw new InvalidArgumentError('an account ID has 12 digits')
  return account
}

function appendPair(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf(':')
  if (at <= 0 || at === text.length - 1) throw new InvalidArgumentError('is ID:SECRET')
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) }
}
