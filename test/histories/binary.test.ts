import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { startProxy } from '../support/proxy.js'
import { SECRET } from './aws.js'
import { CHANGES, strikes, type RequestPoint } from './faults.js'
import { BEGINNINGS, LINES, step, withMaterial } from './steps.js'
import { openFolder } from './sites/local.js'
import { readStore, type StoreContent } from './stores.js'

// Some of the same histories, with the real binary and real kills.

const SEED = 3
const HISTORIES = 5
const STEPS = 8
let kills = 0

/** A command that is killed at one of its first requests that change something. */
interface Killed {
  readonly line: string
  readonly at: RequestPoint
}

/** Commands of histories that need one account only, and no file or id of the simulated world. */
const killed: fc.Arbitrary<Killed> = fc.record({
  line: step
    .map((each) => ('line' in each ? each.line : ''))
    .filter((line) => line !== '' && !/KMS_KEY|other|operator/.test(line)),
  at: fc.record({
    request: fc.integer({ min: 1, max: 2 }),
    of: fc.constant(CHANGES),
    when: fc.constantFrom('before' as const, 'after' as const),
  }),
})

/** Runs a command through a proxy, and kills it at that request. */
async function run(testbed: Testbed, { line, at }: Killed): Promise<number | null> {
  let kill: () => void = () => undefined
  const operations: string[] = []
  const proxy = await startProxy(
    testbed.kms.endpoint,
    (_count, operation) => {
      operations.push(operation)
      return strikes({ kill: 'process', at }, operations, '')
        ? { when: at.when, kind: 'cut' }
        : undefined
    },
    () => {
      kill()
    },
  )
  try {
    const { status } = await testbed.run(withMaterial(line), {
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

async function readStoreOf({ home }: Testbed): Promise<StoreContent> {
  const main = await readStore('main', openFolder(join(home, 'keymgmt')))
  if (main.error !== undefined) throw new Error(main.error)
  return main
}

/** Ends every interruption as keymgmt says; then nothing may differ, and nothing be unknown. */
async function settle(testbed: Testbed): Promise<void> {
  const active = (await readStoreOf(testbed)).distributions.filter(({ isArchived }) => !isArchived)
  for (const { provider, key, record } of active) {
    if (record.state !== 'active') await testbed.ok(LINES.restore(provider, key))
    await testbed.ok(LINES.repair(provider, key))
  }
  for (const key of new Set(active.map((each) => each.key))) await testbed.ok(LINES.rotate(key))
  for (const { provider, key } of active) await testbed.ok(LINES.verify(provider, key))
  const { distributions, forgotten } = await readStoreOf(testbed)
  const named = [...distributions.map(({ record }) => record), ...forgotten]
    .flatMap(({ kmsKeys }) => kmsKeys)
    .map((entry) => (entry.state === 'creating' ? '' : `${entry.region} ${entry.key.id}`))
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
