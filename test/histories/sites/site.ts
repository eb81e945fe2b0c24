import type { HttpRequest } from '@smithy/core/protocols'
import type { Store } from '../../../src/store/store.js'
import type { Faults, Send } from '../network.js'

/** The copies of the store: the one in use, and a backup of it. */
export const STORES = ['main', 'copy'] as const
export type StoreName = (typeof STORES)[number]

/** The place of both copies of the store. */
export interface Site {
  /** The commands that create a store, if the first write does not. */
  readonly create: readonly string[]
  /** The variables with which a command finds a copy. */
  env(store: StoreName): Readonly<Record<string, string>>
  /** Opens a copy to read it. */
  open(store: StoreName): Store
  /** The names of all files or objects of a copy. */
  names(store: StoreName): readonly string[]
  /** Copies the file or object of this name from `main` to `copy`. */
  copyOne(name: string): void
  /** The state that is not on the disk of the machine. */
  readonly state?: {
    save(): unknown
    reset(saved?: unknown): void
    /** Continues on a copy. Returns a function that throws the copy away. */
    fork(): () => void
  }
  /** Returns what carries out this request, if it is one to the store. */
  handlerOf?(request: HttpRequest, faults: Faults): Send | undefined
}
