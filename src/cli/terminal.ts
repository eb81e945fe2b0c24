import { fstatSync, readFileSync, readSync, writeSync } from 'node:fs'
import { KeymgmtError } from '../errors.js'
import { systemReason } from './system-error.js'

/** The colours of errors and warnings, as in Vault. */
export interface Style {
  readonly redBright: (text: string) => string
  readonly yellowBright: (text: string) => string
}

/** No colours. */
export const PLAIN: Style = { redBright: (text) => text, yellowBright: (text) => text }

/** The terminal and the process, as a command uses them. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  readonly stdoutIsTty: boolean
  /** Returns the columns of the terminal; undefined if stdout is not a terminal. */
  readonly columns: () => number | undefined
  readonly stderrIsTty: boolean
  /** True if a person can see a prompt and respond. */
  readonly stdinIsTty: boolean
  /** Writes all of `text` before it returns. */
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /**
   * Shows the current activity on a terminal until other text is written. An empty text ends it.
   */
  readonly progress: (message: string) => void
  readonly readFile: (name: string) => Uint8Array
  readonly readStdin: () => Promise<Uint8Array>
  /** The colours of stderr. */
  readonly style: Style
}

/** Writes to stderr, in the colour of a warning. */
export function writeWarning({ err, style }: Pick<Terminal, 'err' | 'style'>, text: string): void {
  err(style.yellowBright(text))
}

/** Returns the terminal of this process. */
export async function processTerminal(): Promise<Terminal> {
  // Don't touch the streams of `process`: Node.js creates them on first use, which takes as long as
  // the rest of a local command.
  const { env, platform } = process
  const [stdoutIsTty, stderrIsTty] = [await isTerminal(1), await isTerminal(2)]
  const line =
    stderrIsTty && env.TERM !== 'dumb'
      ? statusLine(() => process.stderr.columns)
      : { show: () => undefined, clear: () => undefined }
  const write = (descriptor: number) => (text: string) => {
    line.clear()
    writeAll(descriptor, text)
  }
  return {
    env,
    platform,
    stdoutIsTty,
    columns: () => (stdoutIsTty ? process.stdout.columns : undefined),
    stderrIsTty,
    stdinIsTty: stderrIsTty && (await isTerminal(0)),
    out: (text) => {
      try {
        write(1)(text)
      } catch (error) {
        throw outputError(error)
      }
    },
    err: (text) => {
      try {
        write(2)(text)
      } catch {
        // A message that can't be written can't be reported either.
      }
    },
    progress: line.show,
    readFile: (name) => readFileSync(name),
    readStdin: async () => {
      assertReadable(0)
      const chunks: Buffer[] = []
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    style: wantsColour(env, stderrIsTty) ? new (await import('chalk')).Chalk({ level: 1 }) : PLAIN,
  }
}

/**
 * Returns true for a terminal. Pipes and files are recognised without Node's module for terminals,
 * which takes milliseconds to load.
 */
async function isTerminal(descriptor: number): Promise<boolean> {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false
  } catch {
    return false
  }
  return (await import('./output/dimensions.js')).isatty(descriptor)
}

function outputError(error: unknown): KeymgmtError {
  return new KeymgmtError(
    'OUTPUT_FAILED',
    `the output can't be written to standard output: ${systemReason(error)}`,
    { hints: ['redirect the output to another file or device'], cause: error },
  )
}

/** Refuses input that can't be read: Node.js presents a folder as an empty stream. */
function assertReadable(descriptor: number): void {
  if (fstatSync(descriptor).isDirectory()) readSync(descriptor, Buffer.alloc(1))
}

/**
 * Milliseconds before an activity is shown. A shorter one would end before a person can read about
 * it.
 */
const UNNOTICED_MS = 500

/**
 * A line of the terminal that is overwritten in place, shows the elapsed time, and is erased before
 * other text is written.
 */
function statusLine(columns: () => number) {
  const started = performance.now()
  let shown = ''
  let drawn = false
  let ticking: NodeJS.Timeout | undefined
  const clear = () => {
    if (drawn) writeAll(2, '\r\u001b[K')
    drawn = false
  }
  const draw = () => {
    const elapsed = performance.now() - started
    if (shown === '' || elapsed < UNNOTICED_MS) return
    clear()
    const text = `${shown} (${Math.floor(elapsed / 1000)} s so far)`.replace(
      /[\u0000-\u001f\u007f-\u009f]/g,
      ' ',
    )
    writeAll(
      2,
      Array.from(text)
        .slice(0, Math.max(0, columns() - 1))
        .join(''),
    )
    drawn = true
  }
  return {
    clear,
    show: (message: string) => {
      shown = message
      if (message === '') clear()
      ticking ??= setInterval(draw, UNNOTICED_MS).unref()
      draw()
    },
  }
}

/** True to print colours. chalk itself ignores NO_COLOR and Vault's variable. */
export function wantsColour(
  env: Readonly<Record<string, string | undefined>>,
  isTty: boolean,
): boolean {
  if (env.NO_COLOR || env.VAULT_CLI_NO_COLOR || env.TERM === 'dumb') return false
  const forced = env.FORCE_COLOR
  return forced === undefined ? isTty : forced !== '0' && forced !== 'false'
}

/**
 * Writes all of `text`. A pipe may accept only a part, or be full for a moment. A reader that
 * leaves is not an error.
 */
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
