import { homedir } from 'node:os'
import { createEngine, type Engine } from '../core/engine.js'
import { awsKms } from '../kms/aws/index.js'
import { KeymgmtError } from '../errors.js'
import type { AwsOptions } from '../kms/aws/provider.js'
import { openHome, type OpenedHome } from '../store/home.js'
import { locate } from '../store/locate.js'
import type { Store } from '../store/store.js'
import { humanDuration } from './output/index.js'
import type { Io } from './terminal.js'
import { packageVersion } from './version.js'

/** How long another command on the same key is waited for, unless the whole command has less. */
const LOCK_WAIT_MS = 60_000

/** What a command says of how its engine is to be. */
export interface EngineOptions {
  readonly signal: AbortSignal
  /** How long the whole command may take, in milliseconds; undefined for as long as it takes. */
  readonly timeoutMs?: number | undefined
  /** Told what the user should know besides the answer. */
  readonly notice: (message: string) => void
  /**
   * Puts a rehearsal in place of AWS and of the store: with it nothing is changed, neither there
   * nor here.
   */
  readonly rehearsal?:
    | {
        readonly middleware: NonNullable<AwsOptions['middleware']>
        readonly store: (store: Store) => Store
      }
    | undefined
}

/** The store of this user, and the engine over it. Nothing is opened yet. */
export function composeEngine(
  io: Io,
  { signal, timeoutMs, notice, rehearsal }: EngineOptions,
): { engine: Engine; home: OpenedHome } {
  const bounded = signalWithin(signal, timeoutMs)
  const home = openHome({
    ...locate(io.env, io.platform, homedir),
    passphrase: async (to) =>
      (await import('./input/passphrase.js')).passphraseFrom(io, { to, signal: bounded() }),
    createSeal: wantsPassphrase(io) ? 'passphrase' : 'keyfile',
    onKeyfileCreated: (path) => {
      notice(
        `The store is sealed with a new keyfile: ${path}\nKeep a copy of it apart from the store: without it nothing can be opened.`,
      )
    },
    onWait: notice,
    lockWaitMs: Math.min(LOCK_WAIT_MS, timeoutMs ?? Infinity),
  })
  const kms = awsKms({
    env: io.env,
    get signal() {
      return bounded()
    },
    get version() {
      return packageVersion()
    },
    onWait: io.progress,
    middleware: rehearsal?.middleware,
  })
  const engine = createEngine({
    store: rehearsal ? rehearsal.store(home.store) : home.store,
    kinds: { awskms: kms },
    progress: io.progress,
    notice,
  })
  return { engine, home }
}

/** A timer of more than 24 days is over at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * The signal, which is also aborted, with an error that says so, when the time is over that begins
 * now. It is made when it is first asked for: most commands wait for nothing.
 */
function signalWithin(signal: AbortSignal, timeoutMs: number | undefined): () => AbortSignal {
  if (timeoutMs === undefined) return () => signal
  const end = Date.now() + timeoutMs
  let made: AbortSignal | undefined
  return () => {
    if (made) return made
    const deadline = new AbortController()
    const over = new KeymgmtError(
      'KMS_TIMEOUT',
      `the ${humanDuration(Math.round(timeoutMs / 1000))} that it may take are over`,
      { hints: ['allow more: -timeout=30m'] },
    )
    setTimeout(
      () => {
        deadline.abort(over)
      },
      Math.min(Math.max(0, end - Date.now()), LONGEST_TIMER_MS),
    ).unref()
    made = AbortSignal.any([signal, deadline.signal])
    return made
  }
}

/** A new store is sealed with a passphrase by whoever gives one, or asks for it by name. */
function wantsPassphrase({ env }: Io): boolean {
  return (
    Boolean(env.KEYMGMT_PASSPHRASE_FILE ?? env.KEYMGMT_PASSPHRASE) ||
    env.KEYMGMT_SEAL === 'passphrase'
  )
}
