import { expect, it } from '@jest/globals'
import { createRecord, openRecord } from '../../../src/core/records/record.js'
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
    count: (await openRecord<Counted>(store, PATH))?.current.count,
  })
  return { store: { ...store, put }, stored }
}

it('writes concurrent changes together and in order, and resolves each when it is written', async () => {
  const { store, stored } = countingStore()
  const handle = await createRecord<Counted>(store, PATH, { name: 'app', count: 1 })
  const one = handle.update(add(1))
  // Replies that arrive at the same time are each handled in a microtask of their own.
  await Promise.resolve()
  const other = handle.update(double)
  await one
  expect(await stored()).toEqual({ puts: 2, count: 4 })
  await other
  await handle.update(add(5))
  expect(await stored()).toEqual({ puts: 3, count: 9 })
})

it('rejects every change that was not written, and keeps the written ones', async () => {
  const store = createMemoryStore()
  const handle = await createRecord<Counted>(store, PATH, { name: 'app', count: 1 })
  const other = await openRecord<Counted>(store, PATH)
  await other?.update(add(1))
  const results = await Promise.allSettled([handle.update(add(1)), handle.update(double)])
  expect(results).toEqual(
    Array.from({ length: 2 }, () => ({
      status: 'rejected',
      reason: expect.objectContaining({ code: 'STORE_CONFLICT' }),
    })),
  )
  expect(handle.current.count).toBe(1)
})
