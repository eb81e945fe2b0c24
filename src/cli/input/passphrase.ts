import { resolve } from 'node:path'
import { KeymgmtError } from '../../errors.js'
import { withoutLastNewline } from '../../router/values.js'
import { readSecretFile } from '../../store/private-file.js'
import type { Terminal } from '../terminal.js'
import type { PassphraseRequest } from './prompt.js'

/**
 * Returns the store's passphrase from the file that `KEYMGMT_PASSPHRASE_FILE` names (without its
 * last newline), or else from `KEYMGMT_PASSPHRASE`. Otherwise, prompts on a terminal, without echo,
 * if the request allows it. Returns undefined if all of these are missing.
 * @throws KeymgmtError STORE_SEALED if the file can't be read, or a new passphrase is empty or
 * differs the second time; INTERRUPTED if the user cancels the prompt.
 */
export async function passphraseFrom(
  terminal: Terminal,
  request: PassphraseRequest,
): Promise<Uint8Array | undefined> {
  const file = terminal.env.KEYMGMT_PASSPHRASE_FILE
  if (file) return readPassphraseFile(terminal, file)
  const value = terminal.env.KEYMGMT_PASSPHRASE
  if (value) return Buffer.from(value)
  if (request.mayAsk === false || !terminal.stdinIsTty || !terminal.stderrIsTty) return undefined
  const { ask } = await import('./prompt.js')
  return ask(terminal, request)
}

/** Matches a file that the user's shell has opened, which may be a pipe that is written later. */
const DESCRIPTOR = /^\/(dev|proc\/self)\/fd\/\d+$|^\/dev\/stdin$/

function readPassphraseFile(terminal: Terminal, file: string): Uint8Array {
  const isDescriptor = terminal.platform !== 'win32' && DESCRIPTOR.test(file)
  try {
    const bytes = isDescriptor ? terminal.readFile(file) : readSecretFile(resolve(file))
    if (bytes) return withoutLastNewline(bytes)
  } catch (cause) {
    throw unreadableError(file, cause)
  }
  throw unreadableError(file)
}

function unreadableError(file: string, cause?: unknown): KeymgmtError {
  const hint = 'KEYMGMT_PASSPHRASE_FILE names it'
  return cause instanceof KeymgmtError
    ? new KeymgmtError(cause.code, `the passphrase file can't be used: ${cause.message}`, {
        hints: [...cause.hints, hint],
        cause,
      })
    : new KeymgmtError('STORE_SEALED', `the passphrase file ${file} can't be read`, {
        hints: [hint],
        cause,
      })
}
