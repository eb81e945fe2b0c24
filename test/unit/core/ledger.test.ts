import { expect, it } from '@jest/globals'
import { createLedger, openLedger } from '../../../src/core/records/record.js'
import { createMemoryStore } from '../../../src/store/memory.js'
import type { Store } from '../../../src/store/store.js'

interface Counted {
  readonly name: string
  readonly count: number
}

const PATH = 'key/app'
const add =
  (number: number) =>
  (record: Counted): Counted => ({ ...record, count: record.count + number })
const double = (record: Counted): Counted => ({ ...record, count: record.count * 2 })
/** A store that counts its puts. */
function countingStore() {
  const store = createMemoryStore()
  let puts = 0
  const put: Store['put'] = (...args) => {
    puts += 1
    return store.put(...args)
  }
  const stored = async () => ({
    puts,
    count: (await openLedger<Counted>(store, PATH))?.current.count,
  })
  return { store: { ...store, put }, stored }
}

it('writes what is asked for at once together and in order, and tells each when it is written', async () => {
  const { store, stored } = countingStore()
  const ledger = await createLedger<Counted>(store, PATH, { name: 'app', count: 1 })
  const one = ledger.update(add(1))
  // As with answers that came at the same time, each of which is read by itself.
  await Promise.resolve()
  const other = ledger.update(double)
  await one
  expect(await stored()).toEqual({ puts: 2, count: 4 })
  await other
  await ledger.update(add(5))
  expect(await stored()).toEqual({ puts: 3, count: 9 })
})

it('fails everybody whose change was not written, and has what was', async () => {
  const store = createMemoryStore()
  const ledger = await createLedger<Counted>(store, PATH, { name: 'app', count: 1 })
  const other = await openLedger<Counted>(store, PATH)
  await other?.update(add(1))
  const results = await Promise.allSettled([ledger.update(add(1)), ledger.update(double)])
  expect(results).toEqual(
    Array.from({ length: 2 }, () => ({
      status: 'rejected',
      reason: expect.objectContaining({ code: 'STORE_CONFLICT' }),
    })),
  )
  expect(ledger.current.count).toBe(1)
})
