import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startDevKms, type DevKms } from '../../src/dev-kms/index.js'

// Records a terminal session: the real command in a pseudo-terminal of `script` (util-linux),
// against the embedded KMS.

/** Width of the recorded terminal. */
export const COLUMNS = 84

/** A command line as typed, and the lines that it wrote, with their escape sequences. */
export interface Recorded {
  readonly line: string
  readonly output: readonly string[]
}

/**
 * Runs command lines that begin with `keymgmt`, one after the other, in a new home folder. Returns
 * those of `lines`; `before` prepares the store.
 * @throws An error with the output if one of them fails.
 */
export async function record(
  lines: readonly string[],
  before: readonly string[] = [],
): Promise<readonly Recorded[]> {
  const home = mkdtempSync(join(tmpdir(), 'keymgmt-session-'))
  const kms = await startDevKms()
  try {
    const env = environment(home, kms)
    for (const line of before) await run(line, env)
    const recorded: Recorded[] = []
    for (const line of lines) {
      const output = visible(await run(line, env)).map((text) => text.replaceAll(home, '/home/you'))
      recorded.push({ line, output })
    }
    return recorded
  } finally {
    await kms.close()
    rmSync(home, { recursive: true, force: true })
  }
}

function environment(home: string, { endpoint, credentials }: DevKms): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: home,
    SHELL: '/bin/sh',
    TERM: 'xterm-256color',
    NODE: process.execPath,
    BINARY: resolve('bin/keymgmt.js'),
    AWS_ENDPOINT_URL_KMS: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  }
}

function run(line: string, env: NodeJS.ProcessEnv): Promise<string> {
  const command = line.replace(/^keymgmt /, `stty cols ${COLUMNS} rows 40; exec "$NODE" "$BINARY" `)
  return new Promise((ended, reject) => {
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (status) => {
      if (status === 0) ended(output)
      else reject(new Error(`${line}: exit status ${String(status)}\n${output}`))
    })
  })
}

/** The lines that a terminal shows at the end: without progress that was overwritten. */
function visible(output: string): readonly string[] {
  return output
    .replaceAll('\r\n', '\n')
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^[^]*\r(\u001b\[K)?/, ''))
}
