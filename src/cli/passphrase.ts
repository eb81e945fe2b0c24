import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { KeymgmtError } from '../errors.js'
import type { Io } from './io.js'

/**
 * The store's passphrase: from the file that `KEYMGMT_PASSPHRASE_FILE` names (its last newline is not part of it),
 * from `KEYMGMT_PASSPHRASE`, or typed without echo on a terminal; undefined where there is none of these.
 */
export async function passphraseFrom(io: Io): Promise<Uint8Array | undefined> {
  const file = io.env.KEYMGMT_PASSPHRASE_FILE
  if (file) return readPassphraseFile(io, file)
  const value = io.env.KEYMGMT_PASSPHRASE
  if (value) return Buffer.from(value)
  return io.stdinIsTty && io.stderrIsTty ? ask(io) : undefined
}

function readPassphraseFile(io: Io, file: string): Uint8Array {
  try {
    const bytes = io.readFile(file)
    const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length
    return bytes.subarray(0, end)
  } catch (cause) {
    throw new KeymgmtError('STORE_SEALED', `the passphrase file ${file} can't be read`, {
      hints: ['KEYMGMT_PASSPHRASE_FILE names it'],
      cause,
    })
  }
}

async function ask(io: Io): Promise<Uint8Array> {
  io.err('Passphrase of the store: ')
  const silent = new Writable({ write: (_chunk, _encoding, done) => { done() } })
  const prompt = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return Buffer.from(await prompt.question(''))
  } finally {
    prompt.close()
    io.err('\n')
  }
}
