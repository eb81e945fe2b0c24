import { KeymgmtError } from '../../errors.js'
import { parseSealHeader, type SealHeader } from '../../crypto/root-key.js'
import type { StorePlace } from '../place.js'
import type { SealedPlace } from '../restoring.js'
import type { BeginWrite } from '../sealed.js'
import { assertReadable, movedNotice, parseState, stateError, type StoreState } from '../state.js'
import type { Lock, Store } from '../store.js'

/** The header of the store, and its state. */
export interface Standing {
  readonly header: SealHeader | undefined
  readonly state: StoreState | undefined
}

/** The standing of a store as a command knows it. */
export interface StandingChecks extends Pick<SealedPlace, 'allow' | 'changed'> {
  /** Returns the header; undefined if there is no store. */
  readonly header: () => Promise<SealHeader | undefined>
  /** @throws KeymgmtError STORE_UNAVAILABLE if there is no store, and none is being restored. */
  readonly assertExists: () => Promise<void>
  /** Returns a store that checks the standing before and after each lock is acquired. */
  readonly locking: (store: Store) => Store
  /** Looks again after a write that no lock protects, or whose lock has run out. */
  readonly beginWrite: BeginWrite
}

/**
 * Reads the header and the state of the store, and checks writes by them. Both are read again after
 * a lock was acquired. A command that replaces one of them then waits for the locks that are held
 * (`StorePlace.awaitLocks`), so while a lock is held, the state that was read is still valid.
 */
export function createStanding(
  place: StorePlace,
  onMoved: ((notice: string) => void) | undefined,
): StandingChecks {
  let found: Promise<Standing> | undefined
  let restores = false
  let notify = onMoved
  const locks = new Set<Lock>()
  const read = async () => {
    const standing = await readStanding(place)
    if (restores) return { ...standing, state: undefined }
    assertReadable(place.name, standing.state)
    const notice = movedNotice(place.name, standing.state)
    if (notice !== undefined) notify?.(notice)
    if (notice !== undefined) notify = undefined
    return standing
  }
  const look = () => {
    found = undefined
  }
  /** Remembers a store that exists. */
  const standing = async () => {
    const current = (found ??= read())
    const result = await current.catch((error: unknown) => {
      look()
      throw error
    })
    if (!result.header && found === current) look()
    return result
  }
  const assertWritable = async () => {
    const { state } = await standing()
    if (state) throw stateError(place.name, state)
  }
  return {
    header: async () => (await standing()).header,
    assertExists: async () => {
      if (!(await standing()).header && !restores) throw missingError(place.name)
    },
    changed: look,
    allow() {
      restores = true
      look()
    },
    locking: (store) => ({
      ...store,
      async lock(name, purpose) {
        await assertWritable()
        const lock = await store.lock(name, purpose)
        locks.add(lock)
        look()
        const release = async () => {
          locks.delete(lock)
          await lock.release()
        }
        return { ...lock, release }
      },
    }),
    beginWrite: async () => {
      const held = [...locks]
      await assertWritable()
      return async () => {
        if (held.some((lock) => lock.isHeld())) return
        look()
        await assertWritable()
      }
    },
  }
}

function missingError(url: string): KeymgmtError {
  return new KeymgmtError('STORE_UNAVAILABLE', `there is no store in ${url}`, {
    hints: [
      'check KEYMGMT_STORE and the setting store',
      'to create a store there: keymgmt operator init',
    ],
  })
}

/** Reads the header and the state, at the same time. */
export async function readStanding({ name, header, state }: StorePlace): Promise<Standing> {
  const [headerText, stateText] = await Promise.all([header.read(), state.read()])
  return {
    header: headerText === undefined ? undefined : parseSealHeader(headerText),
    state: parseState(stateText, name),
  }
}
