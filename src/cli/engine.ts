import { homedir } from 'node:os'
import { createEngine, type Engine } from '../core/engine.js'
import { awsKms } from '../kms/aws/index.js'
import { locate, openHome, type OpenedHome } from '../store/index.js'
import type { Io } from './io.js'
import { passphraseFrom } from './passphrase.js'

/** Unless told otherwise, how long one call to AWS may be waited for, waits for its quotas included. */
const CALL_TIMEOUT_MS = 600_000

/** The store of this user, and the engine over it. Nothing is opened yet. */
export function composeEngine(io: Io, signal: AbortSignal): { engine: Engine; home: OpenedHome } {
  const say = (message: string) => { io.err(`${io.paint.dim(message)}\n`) }
  const home = openHome({
    ...locate(io.env, io.platform, homedir()),
    passphrase: (to) => passphraseFrom(io, { to, signal }),
    createSeal: wantsPassphrase(io) ? 'passphrase' : 'keyfile',
    onKeyfileCreated: (path) => {
      say(`The store is sealed with a new keyfile: ${path}\nKeep a copy of it apart from the store: without it nothing can be opened.`)
    },
    onWait: say,
  })
  const engine = createEngine({
    store: home.store,
    kinds: { awskms: awsKms({ env: io.env, signal, timeoutMs: CALL_TIMEOUT_MS }) },
    progress: say,
  })
  return { engine, home }
}

/** A new store is sealed with a passphrase by whoever gives one, or asks for it by name. */
function wantsPassphrase({ env }: Io): boolean {
  return Boolean(env.KEYMGMT_PASSPHRASE_FILE ?? env.KEYMGMT_PASSPHRASE) || env.KEYMGMT_SEAL === 'passphrase'
}
