import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { KeymgmtError } from '../../../errors.js'

/** The signals of the keyboard. The terminal also sends them to the command. */
const TYPED = ['SIGINT', 'SIGQUIT'] as const

/** The signals that only this process receives. */
const SENT = ['SIGTERM', 'SIGHUP'] as const

/**
 * Runs a command, and returns its exit status. The command has the terminal and receives every
 * signal. This process waits until the command ends.
 * @throws KeymgmtError USAGE when the command can't be run.
 */
export async function runChild(
  [file = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(file, args, { stdio: 'inherit', env })
  const fromKeyboard = isatty(0)
  const undo = [
    // Otherwise, the second Ctrl-C in a shell or a debugger would end this process before the
    // command.
    ...TYPED.map((signal) => replaceListeners(signal, () => fromKeyboard || child.kill(signal))),
    ...SENT.map((signal) => addListener(signal, () => child.kill(signal))),
  ]
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', (cause) => {
        reject(cannotRun(file, cause))
      })
      child.on('close', (code, signal) => {
        resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
      })
    })
  } finally {
    for (const restore of undo) restore()
  }
}

function addListener(signal: NodeJS.Signals, listener: () => unknown): () => void {
  process.on(signal, listener)
  return () => process.off(signal, listener)
}

function replaceListeners(signal: NodeJS.Signals, listener: () => unknown): () => void {
  const earlier = process.listeners(signal)
  // Add the listeners first: a signal without a listener ends the process.
  const remove = addListener(signal, listener)
  for (const each of earlier) process.off(signal, each)
  return () => {
    for (const each of earlier) process.on(signal, each)
    remove()
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'no such program',
  EACCES: 'it is not executable',
}

function cannotRun(file: string, cause: NodeJS.ErrnoException): KeymgmtError {
  const { code = cause.name } = cause
  return new KeymgmtError('USAGE', `the command ${file} can't be run: ${PROBLEMS[code] ?? code}`, {
    hints: code === 'ENOENT' ? ['check its name and PATH'] : [],
  })
}
