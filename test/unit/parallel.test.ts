import { expect, it } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { inParallel } from '../../src/parallel.js'

const ITEMS = Array.from({ length: 100 }, (_, index) => index)

it('returns the results in the order of the items, and runs at most 32 at the same time', async () => {
  let running = 0
  let most = 0
  const results = await inParallel(ITEMS, async (item) => {
    most = Math.max(most, ++running)
    for (let turns = 0; turns < item % 7; turns++) await turn()
    running--
    return item * 2
  })
  expect(results).toEqual(ITEMS.map((item) => item * 2))
  expect(most).toBe(32)
})

it('starts nothing after an error, waits for the running work, and throws the first error', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const work = async (item: number) => {
    begun.push(item)
    for (let turns = 0; turns <= item; turns++) await turn()
    if (item === 3 || item === 5) throw new Error(`no ${item}`)
    ended.push(item)
  }
  await expect(inParallel(ITEMS, work)).rejects.toThrow('no 3')
  expect(begun.length).toBeLessThan(ITEMS.length)
  expect([...ended, 3, 5].sort((one, other) => one - other)).toEqual(begun)
})

it('accepts no items', async () => {
  expect(await inParallel([], () => Promise.reject(new Error('unused')))).toEqual([])
})
