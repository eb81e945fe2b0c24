import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PLAIN, type Terminal } from '../../src/cli/terminal.js'
import { runProgram } from '../../src/cli/program.js'

/** The output and exit status of one command. */
export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Everything that a command reads apart from its arguments. */
export interface Surroundings {
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly stdoutIsTty?: boolean
  readonly stderrIsTty?: boolean
  readonly signal?: AbortSignal
}

/**
 * Runs the program in this process, with its own store: like the binary, without the start of a
 * process.
 */
export interface Session {
  readonly home: string
  run(line: string | readonly string[], surroundings?: Surroundings): Promise<Outcome>
  close(): void
}

/** A session whose KMS is at `endpoint`, in a fresh home folder by default. */
export function createSession(
  endpoint: string,
  home = mkdtempSync(join(tmpdir(), 'keymgmt-session-')),
): Session {
  return {
    home,
    run: async (
      line,
      {
        stdin = '',
        env = {},
        stdoutIsTty = false,
        stderrIsTty = false,
        signal = new AbortController().signal,
      } = {},
    ) => {
      const printed = { stdout: '', stderr: '' }
      const io: Terminal = {
        env: {
          HOME: home,
          KEYMGMT_HOME: join(home, 'keymgmt'),
          XDG_CONFIG_HOME: join(home, 'config'),
          AWS_ENDPOINT_URL_KMS: endpoint,
          ...env,
        },
        platform: process.platform,
        stdoutIsTty,
        columns: () => undefined,
        stderrIsTty,
        stdinIsTty: false,
        out: (text) => {
          printed.stdout += text
        },
        err: (text) => {
          printed.stderr += text
        },
        progress: () => undefined,
        readFile: (name) => readFileSync(name),
        readStdin: () => Promise.resolve(Buffer.from(stdin)),
        style: PLAIN,
      }
      const args = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line
      return { status: await runProgram(args, { terminal: io, signal }), ...printed }
    },
    close: () => {
      rmSync(home, { recursive: true, force: true })
    },
  }
}
