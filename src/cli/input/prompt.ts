import { createInterface } from 'node:readline/promises'
import { Writable, type Readable } from 'node:stream'
import { KeymgmtError } from '../../errors.js'
import type { Terminal } from '../terminal.js'

/** The purpose of a passphrase, and the terminal of the prompt. */
export interface PassphraseRequest {
  /**
   * The purpose: to open a store, or to create one, for which the user types the passphrase twice.
   */
  readonly to: 'open' | 'create'
  /** False to use only a passphrase that the environment gives. The default is true. */
  readonly mayAsk?: boolean
  /** Aborts the prompt. */
  readonly signal: AbortSignal
  readonly terminal?: Readable
}

/**
 * Prompts for a passphrase without echo. Returns undefined at the end of input.
 * @throws KeymgmtError STORE_SEALED if a new passphrase is empty, or differs the second time;
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
  // Pasted text after the first line stays here for the second prompt.
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

/** Prompts twice: without echo, a typing error would lock the user out of the store. */
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
