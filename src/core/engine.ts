import { KeymgmtError } from '../errors.js'
import { KMS_KINDS, type KmsKinds } from '../kms/index.js'
import type { KmsKind, KmsProvider, KmsSettings } from '../kms/provider.js'
import type { Store } from '../store/store.js'
import type { KmsRecord } from './records/model.js'

/**
 * - `done`: AWS has it now;
 * - `failed`: it remains to be done;
 * - `skipped`: the command was not asked to do it, and left it alone;
 * - `lost`: AWS no longer has the KMS key;
 * - `not-applicable`: the action does not apply there.
 */
export type OutcomeState = 'done' | 'failed' | 'skipped' | 'lost' | 'not-applicable'

/** The outcome of a command at one provider, Region and version, or alias. */
export interface Outcome {
  /** Name of the provider. */
  readonly provider: string
  /** AWS Region. */
  readonly region: string
  /** Absent where no version is concerned. */
  readonly version?: number
  /** Present if the outcome is that of an alias. */
  readonly alias?: string
  /** The step that failed, or the main step of those that succeeded. */
  readonly action: string
  /** The result of the action. */
  readonly state: OutcomeState
  /** The reason for any state but `done`. Never contains a secret. */
  readonly reason?: string | undefined
  /** The next step for any state but `done`. */
  readonly wayOut?: string
}

/** The context of all operations. Nothing is opened before it is needed. */
export interface Engine {
  /** Sealed: its records are unreadable outside of it. */
  readonly store: Store
  /** The kinds of KMS that providers may have. */
  readonly kinds: KmsKinds
  /** The clock of all records. */
  readonly now: () => Date
  /** Receives what is being done, for a person who watches. Never contains secrets. */
  readonly progress: (message: string) => void
  /** Receives notices for the user. Never contains secrets. */
  readonly notice: (message: string) => void
  /** Receives the outcome at each provider, Region and version, also before an error. */
  readonly outcome: (outcome: Outcome) => void
}

/** Creates an {@link Engine} over a sealed store and the kinds of KMS that it may open. */
export function createEngine(options: Pick<Engine, 'store' | 'kinds'> & Partial<Engine>): Engine {
  return {
    now: () => new Date(),
    progress: () => undefined,
    notice: () => undefined,
    outcome: () => undefined,
    ...options,
  }
}

/**
 * The kind of a stored provider.
 * @throws KeymgmtError STORE_VERSION for a kind that only a newer keymgmt has.
 */
export function kindOf({ kinds }: Engine, { provider }: Pick<KmsRecord, 'provider'>): KmsKind {
  const name = KMS_KINDS.find((kind) => kind === provider)
  if (name) return kinds[name]
  throw new KeymgmtError(
    'STORE_VERSION',
    `this version of keymgmt does not know provider=${provider}`,
    {
      hints: ['use the newer version of keymgmt that wrote it'],
    },
  )
}

/** The settings of a stored provider, as its kind takes them. */
export function providerSettings({ name, keyCollection, credentials }: KmsRecord): KmsSettings {
  return { name, region: keyCollection, credentials }
}

/** Opens a stored provider; no request is sent yet. */
export function openProvider(engine: Engine, record: KmsRecord): Promise<KmsProvider> {
  return kindOf(engine, record).open(providerSettings(record))
}
