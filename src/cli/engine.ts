import { homedir } from 'node:os'
import { createEngine, type Engine } from '../core/engine.js'
import { awsKms } from '../kms/aws/index.js'
import type { KmsKind } from '../kms/provider.js'
import { createOverlayStore, locate, openHome, type OpenedHome } from '../store/index.js'
import type { Io } from './io.js'
import { passphraseFrom } from './passphrase.js'

/** How long another command on the same key is waited for, unless the whole command has less. */
const LOCK_WAIT_MS = 60_000

/** What a command says of how its engine is to be. */
export interface EngineOptions {
  readonly signal: AbortSignal
  /** How long the whole command may take, in milliseconds; undefined for as long as it takes. */
  readonly timeoutMs?: number | undefined
  /** Told what the user should know besides the answer. */
  readonly notice: (message: string) => void
  /** Puts a rehearsal in place of AWS: with it nothing is changed, neither there nor here. */
  readonly rehearse?: ((kind: KmsKind) => KmsKind) | undefined
}

/** The store of this user, and the engine over it. Nothing is opened yet. */
export function composeEngine(io: Io, { signal, timeoutMs, notice, rehearse }: EngineOptions): { engine: Engine; home: OpenedHome } {
  const home = openHome({
    ...locate(io.env, io.platform, homedir()),
    passphrase: (to) => passphraseFrom(io, { to, signal }),
    createSeal: wantsPassphrase(io) ? 'passphrase' : 'keyfile',
    onKeyfileCreated: (path) => {
      notice(`The store is sealed with a new keyfile: ${path}\nKeep a copy of it apart from the store: without it nothing can be opened.`)
    },
    onWait: notice,
    lockWaitMs: Math.min(LOCK_WAIT_MS, timeoutMs ?? Infinity),
  })
  const kms = awsKms({ env: io.env, signal, onWait: io.progress })
  const engine = createEngine({
    store: rehearse ? createOverlayStore(home.store) : home.store,
    kinds: { awskms: rehearse ? rehearse(kms) : kms },
    progress: io.progress,
    notice,
  })
  return { engine, home }
}

/** A new store is sealed with a passphrase by whoever gives one, or asks for it by name. */
function wantsPassphrase({ env }: Io): boolean {
  return Boolean(env.KEYMGMT_PASSPHRASE_FILE ?? env.KEYMGMT_PASSPHRASE) || env.KEYMGMT_SEAL === 'passphrase'
}
