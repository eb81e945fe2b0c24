import { createInterface } from 'node:readline/promises'
import { Writable, type Readable } from 'node:stream'
import { KeymgmtError } from '../errors.js'
import type { Io } from './io.js'

/** What a passphrase is wanted for, and who may type it. */
export interface PassphraseRequest {
  /** To open a store, or to create one that only it will open: then it is asked for twice. */
  readonly to: 'open' | 'create'
  /** Ends the question. */
  readonly signal: AbortSignal
  readonly terminal?: Readable
}

/**
 * The store's passphrase: from the file that `KEYMGMT_PASSPHRASE_FILE` names (its last newline is not part of it),
 * from `KEYMGMT_PASSPHRASE`, or typed without echo on a terminal; undefined where there is none of these.
 * @throws KeymgmtError STORE_SEALED when the file can't be read, or a new passphrase is empty or was not typed the same
 * twice; INTERRUPTED when whoever is asked prefers to leave.
 */
export async function passphraseFrom(io: Io, request: PassphraseRequest): Promise<Uint8Array | undefined> {
  const file = io.env.KEYMGMT_PASSPHRASE_FILE
  if (file) return readPassphraseFile(io, file)
  const value = io.env.KEYMGMT_PASSPHRASE
  if (value) return Buffer.from(value)
  return io.stdinIsTty && io.stderrIsTty ? ask(io, request) : undefined
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

async function ask(io: Io, { to, signal, terminal = process.stdin }: PassphraseRequest): Promise<Uint8Array | undefined> {
  if (signal.aborted) throw interrupted()
  const prompt = createInterface({ input: terminal, output: silence(), terminal: true, historySize: 0 })
  let left = false
  const leave = () => {
    left = true
    prompt.close()
  }
  signal.addEventListener('abort', leave)
  prompt.on('SIGINT', leave)
  // What was pasted with the first line waits in here for the second question.
  const lines = prompt[Symbol.asyncIterator]()
  const question = async (text: string) => {
    io.err(`${text}: `)
    const line = await lines.next()
    io.err('\n')
    if (left) throw interrupted()
    return line.done ? undefined : line.value
  }
  try {
    const typed = to === 'open' ? await question('Passphrase of the store') : await askTwice(question)
    return typed === undefined ? undefined : Buffer.from(typed)
  } finally {
    signal.removeEventListener('abort', leave)
    prompt.close()
  }
}

/** Nobody sees what they type, and a store opens with nothing but what they typed. */
async function askTwice(question: (text: string) => Promise<string | undefined>): Promise<string | undefined> {
  const typed = await question('New passphrase, which alone will open the store')
  if (typed === '') throw new KeymgmtError('STORE_SEALED', 'a passphrase must not be empty', { hints: ['run the same command again; nothing was changed'] })
  const again = typed === undefined ? undefined : await question('The same again')
  if (again === undefined) return undefined
  if (again === typed) return typed
  throw new KeymgmtError('STORE_SEALED', 'the two passphrases differ', { hints: ['run the same command again; nothing was changed'] })
}

function silence(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => { done() } })
}

function interrupted(): KeymgmtError {
  return new KeymgmtError('INTERRUPTED', 'interrupted')
}
