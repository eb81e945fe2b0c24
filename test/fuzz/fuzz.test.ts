import { afterAll, describe, expect, it } from '@jest/globals'
import { attempt, campaign, CORPUS, openTargets, type Trial } from './campaign.js'

// What was found stays found, and some two thousand inputs are tried, always the same ones: `npm
// run fuzz` tries more.

const RUNS = 2_000

const targets = await openTargets()
afterAll(async () => {
  for (const { close } of targets) await close?.()
})

/** An input in which a failure can be read. */
function told({ target, input, outcome }: Trial): string {
  return `${target.name} ${JSON.stringify(input.toString('latin1').slice(0, 500))} (${input.toString('base64')}): ${outcome instanceof Error ? (outcome.stack ?? '') : outcome}`
}

describe('what was found once', () => {
  it.each(CORPUS)('$target: $what', async ({ target: name, base64 }) => {
    const target = targets.find((candidate) => candidate.name === name)
    if (!target) throw new Error(`there is no target ${name}`)
    const trial = await attempt(target, Buffer.from(base64, 'base64'))
    expect(trial.outcome instanceof Error ? told(trial) : '').toBe('')
  })
})

it(`takes or cleanly refuses ${RUNS} inputs`, async () => {
  const trials: Trial[] = []
  await campaign(
    targets,
    RUNS,
    'npm test',
    () => undefined,
    (trial) => trials.push(trial),
  )
  expect(trials.filter(({ outcome }) => outcome instanceof Error).map(told)).toEqual([])
  expect(trials).toHaveLength(RUNS)
  // A target that refuses, or takes, all there is says nothing.
  for (const { name } of targets) {
    const outcomes = trials
      .filter(({ target }) => target.name === name)
      .map(({ outcome }) => outcome)
    expect([name, outcomes.includes('refused')]).toEqual([name, true])
  }
})
