import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { KMSClient } from '@aws-sdk/client-kms'
import { createSession } from './session.js'
import {
  startDevKms,
  type DevKms,
  type DevKmsOptions,
  type DevKmsRequest,
} from '../../src/dev-kms/index.js'

const BINARY = resolve('bin/keymgmt.js')

/** The output and exit status of one command. */
export interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly status: number | null
}

/** keymgmt with its own home folder and embedded KMS. */
export interface Testbed {
  readonly home: string
  readonly kms: DevKms
  /** Every request that the KMS answered, in order. */
  readonly requests: DevKmsRequest[]
  run(line: string | readonly string[], options?: RunOptions): Promise<Ran>
  /** Runs a command that must succeed, and returns its stdout. */
  ok(line: string | readonly string[], options?: RunOptions): Promise<string>
  client(region?: string): KMSClient
  close(): Promise<void>
}

/** Copies a folder and its modes: fs.cpSync of some Node.js versions drops the modes. */
export function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', `${from}/.`, to])
}

export interface RunOptions {
  /** Receives a function that kills the process, or sends it another signal. */
  readonly onSpawn?: (kill: (signal?: NodeJS.Signals) => void) => void
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Path of the binary, if it is not this repository's. */
  readonly binary?: string
}

/** The options of the embedded KMS, and the way in which commands run. */
export interface TestbedOptions extends DevKmsOptions {
  /**
   * True to run commands in this process, which is faster. Tests of output need the real binary,
   * which is the default.
   */
  readonly inProcess?: boolean
}

/** Creates a testbed with a fresh embedded KMS, in a fresh home folder by default. */
export async function createTestbed(
  { inProcess = false, ...options }: TestbedOptions = {},
  home = mkdtempSync(join(tmpdir(), 'keymgmt-test-')),
): Promise<Testbed> {
  const requests: DevKmsRequest[] = []
  const kms = await startDevKms({ ...options, onRequest: (request) => requests.push(request) })
  const session = createSession(kms.endpoint, home)
  const base = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    KEYMGMT_HOME: join(home, 'keymgmt'),
    AWS_ENDPOINT_URL_KMS: kms.endpoint,
    AWS_ENDPOINT_URL_STS: kms.endpoint,
    AWS_ACCESS_KEY_ID: kms.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: kms.credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const spawnBinary = (
    line: string | readonly string[],
    { env = {}, stdin = '', onSpawn, binary = BINARY }: RunOptions = {},
  ) =>
    new Promise<Ran>((resolveRun, reject) => {
      const args = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line
      const child = spawn(process.execPath, [binary, ...args], { env: { ...base, ...env } })
      onSpawn?.((signal = 'SIGKILL') => {
        child.kill(signal)
      })
      let [stdout, stderr] = ['', '']
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk.toString()
      })
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString()
      })
      child.stdin.on('error', () => undefined)
      child.stdin.end(stdin)
      child.on('error', reject)
      child.on('close', (status) => {
        resolveRun({ stdout, stderr, status })
      })
    })
  const run: Testbed['run'] = (line, runOptions = {}) => {
    const { env = {}, stdin = '', onSpawn, binary } = runOptions
    return inProcess && !onSpawn && binary === undefined
      ? session.run(line, { stdin, env: { ...base, ...env } })
      : spawnBinary(line, runOptions)
  }
  return {
    home,
    kms,
    requests,
    run,
    ok: async (line, runOptions) => {
      const ran = await run(line, runOptions)
      if (ran.status !== 0)
        throw new Error(`${String(line)} ended with ${String(ran.status)}: ${ran.stderr}`)
      return ran.stdout
    },
    client: (region = 'us-west-1') =>
      new KMSClient({
        region,
        endpoint: kms.endpoint,
        credentials: kms.credentials,
        maxAttempts: 1,
      }),
    close: async () => {
      await kms.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
