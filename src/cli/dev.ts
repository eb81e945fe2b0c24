import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { parseFault, readIamPolicy, startDevKms, type DevKms } from '../dev-kms/index.js'
import { KeymgmtError } from '../errors.js'
import { isLoopback } from '../kms/aws/settings.js'
import { parseDuration } from './input/duration.js'
import type { Session } from './commands/command.js'
import { loadFormat } from './output/index.js'

/** What the flags of `keymgmt dev` say. */
export interface DevFlags {
  readonly listen: string
  readonly latency: string | undefined
  readonly quotas: string
  readonly fault: readonly string[]
  readonly credentials: readonly string[]
  readonly policy: string | undefined
}

/** The Region that is set for the command where the caller has set none. */
const DEFAULT_REGION = 'us-east-1'

/**
 * Serves the embedded AWS KMS until it is interrupted or, with a command, until that has ended;
 * then its status is the answer.
 */
export async function dev(
  { terminal, signal, format }: Session,
  flags: DevFlags,
  command: readonly string[],
): Promise<number> {
  const kms = await start(flags)
  try {
    const variables = environment(kms, terminal.env)
    if (command.length > 0) return await runCommand(command, { ...terminal.env, ...variables })
    if (format === 'table')
      for (const [name, value] of Object.entries(variables))
        terminal.out(`export ${name}=${value}\n`)
    else
      terminal.out(
        `${(await loadFormat(format)).field(variables, { escapeControls: false }).trimEnd()}\n`,
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

async function start(flags: DevFlags): Promise<DevKms> {
  const options = readFlags(flags)
  if (flags.policy === undefined) return startDevKms(options)
  const policies = { default: readJson(flags.policy) }
  try {
    readIamPolicy(policies.default)
  } catch (cause) {
    throw invalid('policy', `${flags.policy} is no IAM policy: ${(cause as Error).message}`)
  }
  return startDevKms({ ...options, policies })
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw invalid('policy', `${file} can't be read as JSON: ${(cause as Error).message}`)
  }
}

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

function readFlags({
  listen,
  latency,
  quotas,
  fault,
  credentials,
}: DevFlags): NonNullable<Parameters<typeof startDevKms>[0]> {
  const { host, port } = readListen(listen)
  if (quotas !== 'aws' && quotas !== 'none') throw invalid('quotas', 'is "aws" or "none"')
  return {
    host,
    port,
    quotas,
    latencyMs: latency === undefined ? 0 : parseDuration('latency', latency),
    faults: fault.map(readFault),
    credentials: Object.fromEntries(credentials.map(readPair)),
  }
}

function readListen(listen: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(listen)
  const [, host = '', port = ''] = match ?? []
  if (!match || Number(port) > 65_535)
    throw invalid('listen', 'is HOST:PORT, such as 127.0.0.1:8443')
  if (!isLoopback(host))
    throw invalid('listen', 'is an address of this machine only: 127.0.0.1, localhost or [::1]')
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function readFault(text: string) {
  try {
    return parseFault(text)
  } catch (cause) {
    throw invalid('fault', (cause as Error).message)
  }
}

function readPair(text: string): [string, string] {
  const at = text.indexOf(':')
  if (at <= 0 || at === text.length - 1) throw invalid('credentials', 'is ID:SECRET')
  return [text.slice(0, at), text.slice(at + 1)]
}

function invalid(flag: string, problem: string): KeymgmtError {
  return new KeymgmtError('USAGE', `invalid value for flag -${flag}: ${problem}`)
}

/**
 * The command gets the terminal, and with it the signals typed there: this process only waits for
 * its end.
 */
async function runCommand(
  [file = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const ignore = () => undefined
  process.on('SIGINT', ignore)
  const child = spawn(file, args, { stdio: 'inherit', env })
  const forward = () => child.kill('SIGTERM')
  process.on('SIGTERM', forward)
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', (cause) => {
        reject(
          new KeymgmtError(
            'USAGE',
            `the command ${file} can't be run: ${(cause as NodeJS.ErrnoException).code ?? cause.name}`,
          ),
        )
      })
      child.on('close', (code, signal) => {
        resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
      })
    })
  } finally {
    process.off('SIGINT', ignore)
    process.off('SIGTERM', forward)
  }
}
