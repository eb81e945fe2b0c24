import { KeymgmtError } from '../errors.js'
import { KMS_KINDS, type KmsKinds } from '../kms/index.js'
import type { KmsKind, KmsProvider, KmsSettings } from '../kms/provider.js'
import type { Store, Versioning } from '../store/store.js'
import type { KmsRecord } from './records/model.js'

/**
 * - `done`: the action succeeded;
 * - `failed`: the action remains to be done;
 * - `skipped`: the action was not part of the request, and was not taken;
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
  /** Absent if the outcome does not concern a version. */
  readonly version?: number
  /** Present if the outcome concerns an alias. */
  readonly alias?: string
  /** The step that failed, or the main step of those that succeeded. */
  readonly action: string
  /** The result of the action. */
  readonly state: OutcomeState
  /** The reason for any state but `done`. Never contains a secret. */
  readonly reason?: string | undefined
  /** The next step for any state but `done`. */
  readonly nextStep?: string
}

/** The context of all operations. An operation opens only what it needs. */
export interface Engine {
  /** A sealed store. */
  readonly store: Store
  /** The kinds of KMS that providers may have. */
  readonly kinds: KmsKinds
  /** Returns the versioning of the bucket that has the store; undefined for a local store. */
  readonly versioning: () => Promise<Versioning | undefined>
  /** Returns the ARNs of the KMS keys that seal the store. None of them may be managed by it. */
  readonly sealKmsKeys: () => Promise<readonly string[]>
  /** The clock of all records. */
  readonly now: () => Date
  /** Receives the current activity, for a progress line. Never contains secrets. */
  readonly progress: (message: string) => void
  /** Receives notices for the user. Never contains secrets. */
  readonly notice: (message: string) => void
  /** Receives the outcome at each provider, Region and version, also before an error. */
  readonly outcome: (outcome: Outcome) => void
}

/** Creates an {@link Engine} over a sealed store and the kinds of KMS that it may open. */
export function createEngine(options: Pick<Engine, 'store' | 'kinds'> & Partial<Engine>): Engine {
  return {
    versioning: () => Promise.resolve(undefined),
    sealKmsKeys: () => Promise.resolve([]),
    now: () => new Date(),
    progress: () => undefined,
    notice: () => undefined,
    outcome: () => undefined,
    ...options,
  }
}

/**
 * Returns the kind of a stored provider.
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

/** Returns the settings that a kind of KMS takes, from a stored provider. */
export function providerSettings({ name, keyCollection, credentials }: KmsRecord): KmsSettings {
  return { name, region: keyCollection, credentials }
}

/** Opens a stored provider; no request is sent yet. */
export function openProvider(engine: Engine, record: KmsRecord): Promise<KmsProvider> {
  return kindOf(engine, record).open(providerSettings(record))
}
