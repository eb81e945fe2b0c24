import type { KmsKinds } from '../kms/index.js'
import type { Store } from '../store/store.js'

/** What the use cases work with. Nothing is opened before it is needed. */
export interface Engine {
  /** Sealed: what it is given it keeps from everyone else. */
  readonly store: Store
  readonly kinds: KmsKinds
  readonly now: () => Date
  /** Told what is being done while it is, for whoever is watching; never a secret. */
  readonly progress: (message: string) => void
  /** Told what a person should know although it was not asked for; never a secret. */
  readonly notice: (message: string) => void
}

/** An {@link Engine} over a sealed store and the kinds of KMS it may open. */
export function createEngine(options: Pick<Engine, 'store' | 'kinds'> & Partial<Engine>): Engine {
  return {
    now: () => new Date(),
    progress: () => undefined,
    notice: () => undefined,
    ...options,
  }
}
