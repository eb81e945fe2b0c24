import { KeymgmtError } from '../../errors.js'
import { withoutLastNewline } from '../../router/values.js'
import type { Terminal } from '../terminal.js'
import type { PassphraseRequest } from './prompt.js'

/**
 * The store's passphrase: from the file that `KEYMGMT_PASSPHRASE_FILE` names (its last newline is
 * not part of it), from `KEYMGMT_PASSPHRASE`, or typed without echo on a terminal; undefined where
 * there is none of these.
 * @throws KeymgmtError STORE_SEALED when the file can't be read, or a new passphrase is empty or
 * was not typed the same twice; INTERRUPTED when whoever is asked prefers to leave.
 */
export async function passphraseFrom(
  terminal: Terminal,
  request: PassphraseRequest,
): Promise<Uint8Array | undefined> {
  const file = terminal.env.KEYMGMT_PASSPHRASE_FILE
  if (file) return readPassphraseFile(terminal, file)
  const value = terminal.env.KEYMGMT_PASSPHRASE
  if (value) return Buffer.from(value)
  if (!terminal.stdinIsTty || !terminal.stderrIsTty) return undefined
  const { ask } = await import('./prompt.js')
  return ask(terminal, request)
}

function readPassphraseFile(terminal: Terminal, file: string): Uint8Array {
  try {
    return withoutLastNewline(terminal.readFile(file))
  } catch (cause) {
    throw new KeymgmtError('STORE_SEALED', `the passphrase file ${file} can't be read`, {
      hints: ['KEYMGMT_PASSPHRASE_FILE names it'],
      cause,
    })
  }
}
