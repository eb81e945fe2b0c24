import { KeymgmtError, type ErrorCode } from '../../errors.js'
import type { Engine, Outcome } from '../engine.js'

/** The result of the work on one item of many. */
export interface ItemResult<Item> {
  /** The item. */
  readonly item: Item
  /** The outcomes in AWS. */
  readonly outcomes: readonly Outcome[]
  /** The reason why the work on it is not done; undefined if it is done. */
  readonly error: unknown
}

/** The errors after which the work on the other items would fail too. */
const ENDING: readonly ErrorCode[] = [
  'INTERRUPTED',
  'KMS_TIMEOUT',
  'STORE_MOVED',
  'STORE_SEALED',
  'STORE_UNAVAILABLE',
]

/**
 * Works on the items, one after the other. A failure does not stop the others.
 * @returns one result for each item. After an interruption, a timeout or a failure of the store,
 * the remaining items have the same error.
 */
export async function oneByOne<Item>(
  engine: Engine,
  items: readonly Item[],
  work: (engine: Engine, item: Item) => Promise<unknown>,
): Promise<ItemResult<Item>[]> {
  const results: ItemResult<Item>[] = []
  let ending: unknown
  for (const item of items) {
    const outcomes: Outcome[] = []
    const collecting: Engine = {
      ...engine,
      outcome: (outcome) => {
        outcomes.push(outcome)
        engine.outcome(outcome)
      },
    }
    let error = ending
    try {
      if (ending === undefined) await work(collecting, item)
    } catch (thrown) {
      error = thrown
      if (thrown instanceof KeymgmtError && ENDING.includes(thrown.code)) ending = thrown
    }
    results.push({ item, outcomes, error })
  }
  return results
}
