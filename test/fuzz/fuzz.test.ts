import { afterAll, describe, expect, it } from '@jest/globals'
import { campaign, check, CORPUS, openTargets, report } from './campaign.js'
import type { Target } from './target.js'

// The same 2,000 inputs in every run; npm run fuzz tries more.

const RUNS = 2_000
const SEED = 1

const targets = await openTargets()
afterAll(async () => {
  for (const { close } of targets) await close?.()
})

describe('corpus', () => {
  it.each(CORPUS)('$target: $what', async ({ target: name, base64 }) => {
    const target = targets.find((candidate) => candidate.name === name)
    if (!target) throw new Error(`no target ${name}`)
    const examples: [Buffer][] = [[Buffer.from(base64, 'base64')]]
    expect(report(await check(target, { examples, numRuns: 1 }))).toBeUndefined()
  })
})

it(`accepts or refuses ${RUNS} inputs`, async () => {
  const results = await campaign(targets, RUNS, SEED)
  expect(results.map(report).filter((failure) => failure !== undefined)).toEqual([])
  expect(results.reduce((sum, { details }) => sum + details.numRuns, 0)).toBe(RUNS)
  // A target that refuses nothing checks nothing.
  const refusing = results.filter(({ refused }) => refused > 0).map(({ target }) => target)
  expect([...new Set(refusing)]).toEqual(targets.map(({ name }) => name))
})

it('shrinks a failing input, and replays it', async () => {
  const faulty: Target = {
    name: 'faulty',
    share: 1,
    seeds: [Buffer.from('{"name":"app","revision":1}')],
    words: ['FAULT'],
    run: (input) =>
      input.includes('FAULT') ? Promise.reject(new Error('found')) : Promise.resolve('accepted'),
  }
  const { details } = await check(faulty, { seed: SEED, numRuns: 1_000 })
  const input = details.counterexample?.[0].toString()
  expect(input).toMatch(/^(FAULT|FAULT\{"name":"app","revision":1\})$/)
  const { seed, counterexamplePath: path } = details
  const replayed = await check(faulty, { seed, path: path ?? '', numRuns: 1 })
  expect(replayed.details.numShrinks).toBe(0)
  expect(report(replayed)).toContain(Buffer.from(input ?? '').toString('base64'))
})
