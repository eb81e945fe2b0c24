import { describe, expect, it } from '@jest/globals'
import { distribute } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { renewDistribution } from '../../../src/core/operations/renew.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import type { Engine, Outcome } from '../../../src/core/engine.js'
import { earliestByVersion } from '../../../src/core/records/expiry.js'
import type { ExpiryRequest } from '../../../src/core/records/expiry.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import {
  AES,
  DAY_MS,
  createTestbed,
  fail,
  findProblems,
  GLOBAL,
  recorded,
  refusal,
  REPLICATE,
  ROTATE,
  type Testbed,
} from './testbed.js'

const START = new Date('2027-01-01T00:00:00.400Z')
const RENEW =
  'to choose a new expiry (ttl=0 is none): keymgmt write keymgmt/kms/k/key/app/renew ttl=30d'
const day = (number: number) => new Date(Date.UTC(2027, 0, 1 + number)).toISOString()

/** A testbed whose clock is set to a number of days after the start. */
async function createExpiring(expiry: ExpiryRequest, change: Parameters<typeof saveKey>[2] = {}) {
  const testbed = await createTestbed()
  let days = 0
  const now = () => new Date(START.getTime() + days * DAY_MS)
  const engine: Engine = { ...testbed.engine, now }
  await saveKey(engine, 'app', { type: 'aes256-gcm96', ...change })
  await distribute(engine, 'k', 'app', { ...AES, ...expiry })
  return {
    ...testbed,
    engine,
    /** Sets the clock, and lets AWS delete the material that has expired by then. */
    waitUntil: (number: number) => {
      days = number
      for (const key of testbed.kms.keys)
        if (key.expires && key.expires <= now())
          Object.assign(key, { material: undefined, expires: undefined })
    },
  }
}

/** When the material of each KMS key expires in AWS, in the order of creation. */
const inAws = ({ kms }: Testbed) => kms.keys.map(({ expires }) => expires?.toISOString())
const onRecord = async ({ engine }: Testbed) => {
  const record = await readDistribution(engine, 'k', 'app')
  return record && [record.expiry, Object.fromEntries(earliestByVersion(record))]
}

describe('with a ttl', () => {
  it('material expires that long after each import, and later versions inherit it', async () => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 })
    testbed.waitUntil(10)
    await rotateKey(testbed.engine, 'app')
    expect(inAws(testbed)).toEqual([day(30), day(40)])
    expect(await onRecord(testbed)).toEqual([{ ttl: 2_592_000 }, { 1: day(30), 2: day(40) }])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('renew without fields imports the same material again, in every Region', async () => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 }, GLOBAL)
    await ROTATE(testbed.engine)
    await REPLICATE(testbed.engine)
    testbed.waitUntil(20)
    const { engine, calls } = recorded(testbed)
    await renewDistribution({ ...engine, now: testbed.engine.now }, 'k', 'app', {})
    expect(calls.map((call) => call.split(' ')[0])).toEqual(Array(6).fill('importMaterial'))
    expect(inAws(testbed)).toEqual(Array(6).fill(day(50)))
    expect(await findProblems(testbed)).toEqual([])
  })

  it('repair imports expired material again, with a new expiry', async () => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 })
    testbed.waitUntil(31)
    const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect(differences).toMatchObject([
      { what: 'state', found: `expired at ${day(30)}`, repairable: true },
    ])
    expect((await repairDistribution(testbed.engine, 'k', 'app')).remaining).toEqual([])
    expect(inAws(testbed)).toEqual([day(61)])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('renew brings expired material back, and leaves old versions disabled', async () => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 })
    await ROTATE(testbed.engine)
    await saveKey(testbed.engine, 'app', { minEnabledVersion: 2 })
    testbed.waitUntil(31)
    await renewDistribution(testbed.engine, 'k', 'app', {})
    expect(testbed.kms.keys.map(({ enabled }) => enabled)).toEqual([false, true])
    expect(await findProblems(testbed)).toEqual([])
  })
})

describe('with valid_to', () => {
  const validTo = new Date(day(30))

  it('all versions expire at that time, and a rotation after it points to renew', async () => {
    const testbed = await createExpiring({ validTo })
    testbed.waitUntil(10)
    await ROTATE(testbed.engine)
    expect(inAws(testbed)).toEqual([day(30), day(30)])
    testbed.waitUntil(31)
    const [, message, ...hints] = await refusal(ROTATE(testbed.engine))
    expect(message).toContain(
      `its material was to expire at ${day(30)}, which has passed; only renew moves it`,
    )
    expect(hints).toContain(RENEW)
    // It created no KMS key that can't get its material.
    expect(testbed.kms.keys).toHaveLength(2)
    expect((await readDistribution(testbed.engine, 'k', 'app'))?.behind?.reason).toBe(message)
    // The next step works: the rotation is not repeated, because renew finishes it.
    await renewDistribution(testbed.engine, 'k', 'app', { ttl: 30 * 86_400 })
    expect(inAws(testbed)).toEqual([day(61), day(61), day(61)])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('repair reports expired material, and does not revive it', async () => {
    const testbed = await createExpiring({ validTo })
    testbed.waitUntil(31)
    const { engine, calls } = recorded(testbed)
    const quiet = { ...engine, now: testbed.engine.now }
    const repair = await repairDistribution(quiet, 'k', 'app')
    expect(repair.repaired).toEqual([])
    expect(repair.remaining).toMatchObject([
      { found: `expired at ${day(30)}`, repairable: false, nextStep: RENEW },
    ])
    expect(calls).toEqual([])
  })

  it('restore after that time points to renew, which brings the material back', async () => {
    const testbed = await createExpiring({ validTo })
    await revokeDistribution(testbed.engine, 'k', 'app')
    testbed.waitUntil(31)
    expect(await refusal(restoreDistribution(testbed.engine, 'k', 'app'))).toContain(RENEW)
    await renewDistribution(testbed.engine, 'k', 'app', { ttl: 0 })
    expect(inAws(testbed)).toEqual([undefined])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('renew without fields is refused', async () => {
    const testbed = await createExpiring({ validTo })
    expect(await refusal(renewDistribution(testbed.engine, 'k', 'app', {}))).toEqual([
      'FIELD_MISSING',
      `the material of app in k has a fixed end (valid_to=${day(30)}): specify a new ttl or valid_to`,
      'for example: keymgmt write keymgmt/kms/k/key/app/renew ttl=30d',
    ])
  })
})

describe('a renewal', () => {
  it.each<[string, ExpiryRequest, string | undefined]>([
    ['a ttl', { ttl: 86_400 }, day(6)],
    ['a later valid_to', { validTo: new Date(day(200)) }, day(200)],
    ['ttl=0', { ttl: 0 }, undefined],
  ])('with %s changes the expiry of all material', async (_name, request, expires) => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 })
    testbed.waitUntil(5)
    await renewDistribution(testbed.engine, 'k', 'app', request)
    await ROTATE(testbed.engine)
    expect(inAws(testbed)).toEqual([expires, expires])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('that failed in one Region is complete in the others, and any later command finishes it', async () => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 }, GLOBAL)
    await REPLICATE(testbed.engine)
    testbed.waitUntil(20)
    const outcomes: Outcome[] = []
    const broken = recorded(testbed, (provider) => ({
      importMaterial: (...args) =>
        args[0] === 'eu-west-1' ? fail() : provider.importMaterial(...args),
    }))
    const engine: Engine = {
      ...broken.engine,
      now: testbed.engine.now,
      outcome: (outcome) => outcomes.push(outcome),
    }
    expect(await refusal(renewDistribution(engine, 'k', 'app', {}))).toContain('KMS_FAILED')
    expect(
      outcomes.map(({ region, action, state }) => `${region} ${action} ${state}`).sort(),
    ).toEqual(['eu-west-1 renew failed', 'us-east-1 renew done', 'us-west-1 renew done'])
    // The KMS key that was not renewed is still usable: the distribution is not behind.
    expect((await readDistribution(engine, 'k', 'app'))?.behind).toBeUndefined()
    testbed.waitUntil(21)
    await ROTATE(testbed.engine)
    expect(inAws(testbed).slice(0, 3).sort()).toEqual([day(50), day(50), day(51)])
    expect(await findProblems(testbed)).toEqual([])
  })

  it.each([
    ['revoked', revokeDistribution, 'restore'],
    ['removed', removeDistribution, 'restore'],
  ])('of a %s distribution is refused', async (_state, takeDown, way) => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 })
    await takeDown(testbed.engine, 'k', 'app')
    const refused = await refusal(renewDistribution(testbed.engine, 'k', 'app', {}))
    expect(refused.join('\n')).toContain(`keymgmt write -f keymgmt/kms/k/key/app/${way}`)
  })

  it.each<[ExpiryRequest, string]>([
    [{ ttl: 1, validTo: new Date(day(3)) }, 'ttl and valid_to exclude each other'],
    [{ validTo: START }, `the expiry valid_to=${day(0)} has passed`],
    [{ validTo: new Date(day(366)) }, `the expiry valid_to=${day(366)} is more than 365d ahead`],
    [{ ttl: 366 * 86_400 }, 'the expiry ttl=366d is more than 365d ahead'],
  ])('%j is refused, and changes nothing', async (request, message) => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 })
    const before = await onRecord(testbed)
    expect(await refusal(renewDistribution(testbed.engine, 'k', 'app', request))).toContain(message)
    expect([await onRecord(testbed), inAws(testbed)]).toEqual([before, [day(30)]])
  })
})

describe('distributing again', () => {
  it('keeps the expiry, and refuses another one with the way to change it', async () => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 })
    await distribute(testbed.engine, 'k', 'app', AES)
    await distribute(testbed.engine, 'k', 'app', { ...AES, ttl: 30 * 86_400 })
    expect(await onRecord(testbed)).toEqual([{ ttl: 2_592_000 }, { 1: day(30) }])
    expect(await refusal(distribute(testbed.engine, 'k', 'app', { ...AES, ttl: 3600 }))).toEqual([
      'DISTRIBUTION_DIFFERS',
      'app is already distributed to k with ttl=30d',
      'to change that: keymgmt write keymgmt/kms/k/key/app/renew ttl=3600s',
    ])
  })

  it('after a removal brings the KMS keys back with the requested expiry', async () => {
    const testbed = await createExpiring({ ttl: 30 * 86_400 })
    await removeDistribution(testbed.engine, 'k', 'app')
    testbed.waitUntil(1)
    await distribute(testbed.engine, 'k', 'app', { ...AES, ttl: 0 })
    expect(inAws(testbed)).toEqual([undefined])
    expect(await findProblems(testbed)).toEqual([])
  })
})
