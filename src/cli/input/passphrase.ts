import { KeymgmtError } from '../../errors.js'
import { withoutLastNewline } from '../../router/values.js'
import type { Io } from '../terminal.js'
import type { PassphraseRequest } from './prompt.js'

/**
 * The store's passphrase: from the file that `KEYMGMT_PASSPHRASE_FILE` names (its last newline is
 * not part of it), from `KEYMGMT_PASSPHRASE`, or typed without echo on a terminal; undefined where
 * there is none of these.
 * @throws KeymgmtError STORE_SEALED when the file can't be read, or a new passphrase is empty or
 * was not typed the same twice; INTERRUPTED when whoever is asked prefers to leave.
 */
export async function passphraseFrom(
  io: Io,
  request: PassphraseRequest,
): Promise<Uint8Array | undefined> {
  const file = io.env.KEYMGMT_PASSPHRASE_FILE
  if (file) return readPassphraseFile(io, file)
  const value = io.env.KEYMGMT_PASSPHRASE
  if (value) return Buffer.from(value)
  if (!io.stdinIsTty || !io.stderrIsTty) return undefined
  const { ask } = await import('./prompt.js')
  return ask(io, request)
}

function readPassphraseFile(io: Io, file: string): Uint8Array {
  try {
    return withoutLastNewline(io.readFile(file))
  } catch (cause) {
    throw new KeymgmtError('STORE_SEALED', `the passphrase file ${file} can't be read`, {
      hints: ['KEYMGMT_PASSPHRASE_FILE names it'],
      cause,
    })
  }
}
