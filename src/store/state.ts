import { randomUUID } from 'node:crypto'
import { KeymgmtError } from '../errors.js'

/**
 * A condition in which a store can't be used normally. It is in `state.json`, next to the header; a
 * store in normal use has no such file.
 */
export interface StoreState {
  readonly condition: keyof typeof CONDITIONS
  /** The folder or the URL of the other store; for `restoring`, the id in the snapshot. */
  readonly other: string
}

/** The name of the file or object with the state. */
export const STATE_FILE = 'state.json'

/** A condition, which decides if the store is readable, and the error of a refused command. */
interface Condition {
  readonly isReadable: boolean
  readonly error: (store: string, other: string) => KeymgmtError
}

const CONDITIONS = {
  /** A snapshot is being restored: some records are older than others. */
  restoring: {
    isReadable: false,
    error: (store: string) =>
      new KeymgmtError(
        'STORE_UNAVAILABLE',
        `the store ${store} is being restored, or its restore was interrupted`,
        {
          hints: [
            'run the restore again: keymgmt operator snapshot restore FILE; nothing was changed',
          ],
        },
      ),
  },
  /** It receives the records of another store, and does not have all of them yet. */
  receiving: {
    isReadable: false,
    error: (store: string, other: string) =>
      new KeymgmtError(
        'STORE_UNAVAILABLE',
        `the store ${store} is a copy of ${other} that is not complete yet`,
        {
          hints: [
            `to complete it, use the store ${other} and run: keymgmt operator migrate -to='${store}'; nothing was changed`,
          ],
        },
      ),
  },
  /** Its records are being copied to another store. */
  migrating: {
    isReadable: true,
    error: (store: string, other: string) =>
      new KeymgmtError(
        'STORE_MOVED',
        `the store ${store} is moving to ${other}, and takes no writes until that is done`,
        {
          hints: [
            `if the migration was interrupted, complete it: keymgmt operator migrate -to='${other}'`,
            'to stay with this store instead: keymgmt operator migrate -cancel; nothing was changed',
          ],
        },
      ),
  },
  /** Its records were copied to another store, which is used instead. */
  moved: {
    isReadable: true,
    error: (store: string, other: string) =>
      new KeymgmtError('STORE_MOVED', `the store ${store} has moved to ${other}`, {
        hints: [
          `use the new location: keymgmt config store='${other}', or KEYMGMT_STORE='${other}'; nothing was changed`,
        ],
      }),
  },
} as const satisfies Readonly<Record<string, Condition>>

/**
 * The text of a state. {@link parseState} is the inverse. No two texts are the same, so that a
 * command never mistakes a later command's state for its own.
 */
export function formatState({ condition, other }: StoreState): string {
  return `${JSON.stringify({ condition, other, id: randomUUID() })}\n`
}

/**
 * Parses the text of a state; undefined if there is none. The text is not authenticated.
 * @throws KeymgmtError STORE_CORRUPT
 */
export function parseState(text: string | undefined, store: string): StoreState | undefined {
  if (text === undefined) return undefined
  try {
    const { condition, other } = (JSON.parse(text) ?? {}) as Partial<StoreState>
    if (
      condition !== undefined &&
      Object.hasOwn(CONDITIONS, condition) &&
      typeof other === 'string' &&
      /^\P{C}{1,4096}$/u.test(other)
    )
      return { condition, other }
  } catch {
    // Reported below.
  }
  throw new KeymgmtError('STORE_CORRUPT', `the state of the store ${store} is damaged`, {
    hints: [`restore ${STATE_FILE} from a backup; nothing was changed`],
  })
}

/** @throws KeymgmtError STORE_UNAVAILABLE if the store is not complete. */
export function assertReadable(store: string, state: StoreState | undefined): void {
  if (state && !CONDITIONS[state.condition].isReadable) throw stateError(store, state)
}

/** The error of a command that the state of the store does not allow. */
export function stateError(store: string, { condition, other }: StoreState): KeymgmtError {
  return CONDITIONS[condition].error(store, other)
}

/** A notice for a command that only reads a store which has moved; undefined for any other. */
export function movedNotice(store: string, state: StoreState | undefined): string | undefined {
  if (state?.condition !== 'moved') return undefined
  return `The store ${store} has moved to ${state.other}. This command reads the old copy; use the new location: keymgmt config store='${state.other}'`
}
