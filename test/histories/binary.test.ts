import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { startProxy } from '../support/proxy.js'
import { SECRET } from './aws.js'
import { BEGINNINGS, LINES, step } from './steps.js'
import { readStores, type FoundDistribution } from './stores.js'
import type { CommandRun } from './world.js'

// Some of the same histories, with the real binary and real kills.

const SEED = 3
const HISTORIES = 3
const STEPS = 6
let kills = 0

/** Commands of histories that are killed at a request, and that need one account only. */
const killed = step
  .filter((each) => 'line' in each && !/KMS_KEY|other/.test(each.line))
  .map((each) => each as CommandRun)
  .filter(({ fault }) => fault !== undefined && 'kill' in fault && 'request' in fault.at)

/** Runs a command through a proxy, and kills it at the request that the fault names. */
async function run(testbed: Testbed, { line, fault }: CommandRun): Promise<number | null> {
  if (!fault || !('kill' in fault) || !('request' in fault.at)) throw new Error('no kill')
  const { request, of, when } = fault.at
  let kill: () => void = () => undefined
  let number = 0
  const proxy = await startProxy(
    testbed.kms.endpoint,
    (_count, operation) => {
      if (of === undefined || of === operation) number++
      return number === request && (of ?? operation) === operation
        ? { when, kind: 'cut' }
        : undefined
    },
    () => {
      kill()
    },
  )
  try {
    const { status } = await testbed.run(line, {
      env: { AWS_ENDPOINT_URL_KMS: proxy.endpoint },
      onSpawn: (killer) => {
        kill = killer
      },
    })
    return status
  } finally {
    await proxy.close()
  }
}

async function distributionsOf({ home }: Testbed): Promise<readonly FoundDistribution[]> {
  const [main] = await readStores({ folderOf: () => join(home, 'keymgmt') })
  expect(main?.error).toBeUndefined()
  return main?.distributions ?? []
}

/** Ends every interruption as keymgmt says; then nothing may differ, and nothing be unknown. */
async function settle(testbed: Testbed): Promise<void> {
  const active = (await distributionsOf(testbed)).filter(({ isArchived }) => !isArchived)
  for (const { provider, key, record } of active) {
    if (record.state !== 'active') await testbed.ok(LINES.restore(provider, key))
    await testbed.ok(LINES.repair(provider, key))
  }
  for (const key of new Set(active.map((each) => each.key))) await testbed.ok(LINES.rotate(key))
  for (const { provider, key } of active) await testbed.ok(LINES.verify(provider, key))
  const entries = (await distributionsOf(testbed)).flatMap(({ record }) => record.kmsKeys)
  const named = entries.map((entry) =>
    entry.state === 'creating' ? '' : `${entry.region} ${entry.key.id}`,
  )
  const existing = [...testbed.kms.account.regions].flatMap(([region, { keys }]) =>
    [...keys.keys()].map((id) => `${region} ${id}`),
  )
  expect(named.filter((at) => at !== '').sort()).toEqual(existing.sort())
}

describe('the binary', () => {
  const histories = fc.sample(fc.array(killed, { minLength: STEPS, maxLength: STEPS }), {
    seed: SEED,
    numRuns: HISTORIES,
  })

  it.each(histories.map((steps) => [steps.map(({ line }) => line).join('; '), steps] as const))(
    'loses nothing when it is killed in %s',
    async (_lines, steps) => {
      const testbed = await createTestbed({ credentials: { AKIAEXAMPLE000000001: SECRET } })
      try {
        for (const line of BEGINNINGS[1] ?? []) if (!line.includes('other')) await testbed.ok(line)
        const statuses: (number | null)[] = []
        for (const each of steps) statuses.push(await run(testbed, each))
        kills += statuses.filter((status) => status === null).length
        await settle(testbed)
      } finally {
        await testbed.close()
      }
    },
    900_000,
  )

  it('was killed in them', () => {
    expect(kills).toBeGreaterThan(3)
  })
})
