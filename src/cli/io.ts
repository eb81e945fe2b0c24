import { readFileSync, writeSync } from 'node:fs'
import { Chalk, type ChalkInstance } from 'chalk'

/** Everything that a command knows of the terminal and the process around it. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  readonly stdoutIsTty: boolean
  readonly stderrIsTty: boolean
  readonly stdinIsTty: boolean
  /** Writes all of `text` before it returns. */
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly readFile: (name: string) => Uint8Array
  readonly readStdin: () => Promise<Uint8Array>
  /** Colours of stderr, none where nobody wants them. */
  readonly paint: ChalkInstance
}

/** The real process. */
export function processIo(): Io {
  const { env, platform, stdin, stdout, stderr } = process
  const stderrIsTty = stderr.isTTY
  return {
    env,
    platform,
    stdoutIsTty: stdout.isTTY,
    stderrIsTty,
    stdinIsTty: stdin.isTTY,
    out: (text) => { writeAll(1, text) },
    err: (text) => { writeAll(2, text) },
    readFile: (name) => readFileSync(name),
    readStdin: async () => {
      const chunks: Buffer[] = []
      for await (const chunk of stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    paint: new Chalk({ level: wantsColour(env, stderrIsTty) ? 1 : 0 }),
  }
}

/** Whether to colour: chalk by itself heeds neither NO_COLOR nor Vault's variable. */
export function wantsColour(env: Readonly<Record<string, string | undefined>>, isTty: boolean): boolean {
  if (env.NO_COLOR || env.VAULT_CLI_NO_COLOR || env.TERM === 'dumb') return false
  const forced = env.FORCE_COLOR
  return forced === undefined ? isTty : forced !== '0' && forced !== 'false'
}

/** A pipe may take less than it is given, or be full for a moment; and its reader may leave, which is no error. */
function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += writeSync(descriptor, bytes, offset)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}
