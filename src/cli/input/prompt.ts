import { createInterface } from 'node:readline/promises'
import { Writable, type Readable } from 'node:stream'
import { KeymgmtError } from '../../errors.js'
import type { Terminal } from '../terminal.js'

/** The purpose of a passphrase, and the terminal that it is typed at. */
export interface PassphraseRequest {
  /** Opens a store, or seals a new one. In that case, the user types the passphrase twice. */
  readonly to: 'open' | 'create'
  /** Ends the question. */
  readonly signal: AbortSignal
  readonly terminal?: Readable
}

/**
 * What somebody types at the terminal, without echo; undefined when there is nobody any more.
 * @throws KeymgmtError STORE_SEALED when a new passphrase is empty or was not typed the same twice;
 * INTERRUPTED.
 */
export async function ask(
  io: Terminal,
  { to, signal, terminal = process.stdin }: PassphraseRequest,
): Promise<Uint8Array | undefined> {
  if (signal.aborted) throw interrupted()
  const prompt = createInterface({
    input: terminal,
    output: silence(),
    terminal: true,
    historySize: 0,
  })
  let left = false
  const leave = () => {
    left = true
    prompt.close()
  }
  signal.addEventListener('abort', leave)
  prompt.on('SIGINT', leave)
  // Text that was pasted after the first line waits here for the second question.
  const lines = prompt[Symbol.asyncIterator]()
  const question = async (text: string) => {
    io.err(`${text}: `)
    const line = await lines.next()
    io.err('\n')
    if (left) throw interrupted()
    return line.done ? undefined : line.value
  }
  try {
    const typed =
      to === 'open' ? await question('Passphrase of the store') : await askTwice(question)
    return typed === undefined ? undefined : Buffer.from(typed)
  } finally {
    signal.removeEventListener('abort', leave)
    prompt.close()
  }
}

/** Nobody sees what they type, and a store opens with nothing but what they typed. */
async function askTwice(
  question: (text: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const typed = await question('New passphrase (only this passphrase will open the store)')
  if (typed === '')
    throw new KeymgmtError('STORE_SEALED', 'a passphrase must not be empty', {
      hints: ['run the same command again; nothing was changed'],
    })
  const again = typed === undefined ? undefined : await question('Repeat it')
  if (again === undefined) return undefined
  if (again === typed) return typed
  throw new KeymgmtError('STORE_SEALED', 'the two passphrases differ', {
    hints: ['run the same command again; nothing was changed'],
  })
}

function silence(): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => {
      done()
    },
  })
}

function interrupted(): KeymgmtError {
  return new KeymgmtError('INTERRUPTED', 'interrupted')
}
