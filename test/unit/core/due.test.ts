import { describe, expect, it } from '@jest/globals'
import type { Engine, Outcome } from '../../../src/core/engine.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { listDue, rotateDue, type DueKey } from '../../../src/core/operations/due.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { recordPath } from '../../../src/core/records/model.js'
import { readKey } from '../../../src/core/records/repository.js'
import { KeymgmtError, type ErrorCode } from '../../../src/errors.js'
import {
  AES,
  createDistributed,
  createTestbed,
  DAY_MS,
  recorded,
  refusal,
  withFailingStore,
  type Testbed,
} from './testbed.js'

const DAY = 86_400

/** The engine, `days` from now. */
const after = ({ engine }: Pick<Testbed, 'engine'>, days: number, more: Partial<Engine> = {}) => ({
  ...engine,
  now: () => new Date(Date.now() + days * DAY_MS),
  ...more,
})

const reasons = ({ name, overAge, pendingVersion, behind }: DueKey) =>
  [
    name,
    ...(overAge ? ['age'] : []),
    ...(pendingVersion === undefined ? [] : [`pending ${pendingVersion}`]),
    ...behind.map(({ providerName, versions }) => `${providerName} lacks ${versions.join()}`),
  ].join(': ')

const listed = async (engine: Engine) => (await listDue(engine)).due.map(reasons)
const latest = async (engine: Engine, name: string) => (await readKey(engine, name))?.latestVersion

/** The testbed, with the provider in `dead` out of reach. */
const without = (testbed: Testbed, dead: string, code: ErrorCode = 'KMS_UNREACHABLE') => {
  const failing = () => Promise.reject(new KeymgmtError(code, 'no route'))
  return recorded(testbed, (provider) =>
    provider.region === dead
      ? Object.fromEntries(
          Object.keys(provider)
            .filter((name) => name !== 'region')
            .map((name) => [name, failing]),
        )
      : {},
  )
}

async function createPair(): Promise<Testbed> {
  const testbed = await createDistributed({ rotationPeriod: 90 * DAY })
  await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
  await distribute(testbed.engine, 'other', 'app', AES)
  return testbed
}

describe('the rotation period', () => {
  it('is refused if it is shorter than an hour, and nothing changes then', async () => {
    const { engine } = await createTestbed()
    for (const rotationPeriod of [1, 3599])
      expect(await refusal(saveKey(engine, 'app', { rotationPeriod }))).toEqual([
        'FIELD_INVALID',
        'rotation_period is shorter than 1h',
        'use 1h or more, such as 90d, or 0 for none',
      ])
    expect(await readKey(engine, 'app')).toBeUndefined()
    await saveKey(engine, 'app', { type: 'aes256-gcm96', rotationPeriod: 3600 })
    await refusal(saveKey(engine, 'app', { rotationPeriod: 60, deletionAllowed: true }))
    expect(await readKey(engine, 'app')).toMatchObject({
      rotationPeriod: 3600,
      deletionAllowed: false,
    })
  })

  it('stays when other settings change, and ends with 0', async () => {
    const { engine } = await createTestbed()
    await saveKey(engine, 'app', { type: 'aes256-gcm96', rotationPeriod: DAY })
    await saveKey(engine, 'app', { deletionAllowed: true })
    expect(await readKey(engine, 'app')).toMatchObject({ rotationPeriod: DAY })
    await saveKey(engine, 'app', { rotationPeriod: 0 })
    expect(await listed(after({ engine }, 1000))).toEqual([])
  })
})

describe('a key is due', () => {
  it('as soon as its newest version is as old as its period, by name', async () => {
    const { engine } = await createTestbed()
    for (const [name, days] of [
      ['b', 90],
      ['a', 30],
      ['never', 0],
    ] as const)
      await saveKey(engine, name, { type: 'aes256-gcm96', rotationPeriod: days * DAY })
    expect(await listed(after({ engine }, 29))).toEqual([])
    expect(await listed(after({ engine }, 31))).toEqual(['a: age'])
    expect(await listed(after({ engine }, 91))).toEqual(['a: age', 'b: age'])
    await rotateKey(after({ engine }, 31), 'a')
    expect(await listed(after({ engine }, 60))).toEqual([])
    const created = (await readKey(engine, 'b'))?.versions[1]?.creationTime ?? ''
    const exactly = (ms: number) => ({
      ...engine,
      now: () => new Date(Date.parse(created) + 90 * DAY_MS + ms),
    })
    expect(await listed(exactly(-1))).not.toContain('b: age')
    expect(await listed(exactly(0))).toContain('b: age')
  })

  it('while a distribution lacks a version, or a version is pending', async () => {
    const testbed = await createPair()
    await refusal(rotateKey(without(testbed, 'eu-west-1').engine, 'app'))
    expect(await listed(testbed.engine)).toEqual(['app: other lacks 2'])
    await rotateKey(testbed.engine, 'app')
    expect(await listed(testbed.engine)).toEqual([])
    const single = await createDistributed()
    await refusal(rotateKey(without(single, 'us-west-1').engine, 'app'))
    expect(await listed(single.engine)).toEqual(['app: pending 2: k lacks 2'])
  })

  it('and a damaged record hides no other key', async () => {
    const { engine, store } = await createDistributed({ rotationPeriod: DAY })
    await saveKey(engine, 'broken', { type: 'aes256-gcm96', rotationPeriod: DAY })
    const path = recordPath.key('broken')
    await store.put(path, Buffer.from('{'), (await store.get(path))?.revision)
    const { due, unchecked } = await listDue(after({ engine }, 2))
    expect(due.map(reasons)).toEqual(['app: age'])
    expect(unchecked).toEqual([{ path, reason: expect.stringContaining(path) }])
    expect(await refusal(listDue(withFailingStore(engine)))).toEqual([
      'STORE_UNAVAILABLE',
      'no store',
    ])
  })
})

describe('rotating the keys that are due', () => {
  const rotated = async (engine: Engine) => {
    const { due } = await listDue(engine)
    return (await rotateDue(engine, due)).map(({ due: key, latestVersion, error }) => [
      key.name,
      latestVersion,
      error instanceof KeymgmtError ? error.code : error,
    ])
  }

  it('creates one version of each, and then no key is due', async () => {
    const testbed = await createDistributed({ rotationPeriod: DAY })
    await saveKey(testbed.engine, 'local', { type: 'ed25519', rotationPeriod: 2 * DAY })
    const outcomes: Outcome[] = []
    const engine = after(testbed, 3, { outcome: (outcome) => outcomes.push(outcome) })
    expect(await rotated(engine)).toEqual([
      ['app', 2, undefined],
      ['local', 2, undefined],
    ])
    expect(outcomes.map(({ action, version }) => [action, version])).toContainEqual(['create', 2])
    expect(await listed(engine)).toEqual([])
    expect(await rotated(engine)).toEqual([])
  })

  it('brings a key that is behind up to date, and rotates it only if it is also over age', async () => {
    const behind = async () => {
      const testbed = await createPair()
      await refusal(rotateKey(without(testbed, 'eu-west-1').engine, 'app'))
      return testbed
    }
    const young = await behind()
    expect(await rotated(young.engine)).toEqual([['app', 2, undefined]])
    const old = await behind()
    expect(await rotated(after(old, 91))).toEqual([['app', 3, undefined]])
    expect(await listed(after(old, 91))).toEqual([])
  })

  it('continues after a failure, and reports the work before it', async () => {
    const testbed = await createPair()
    await saveKey(testbed.engine, 'zebra', { type: 'aes256-gcm96', rotationPeriod: DAY })
    const engine = after(without(testbed, 'eu-west-1'), 91)
    expect(await rotated(engine)).toEqual([
      ['app', 2, 'KMS_UNREACHABLE'],
      ['zebra', 2, undefined],
    ])
    expect(await listed(engine)).toEqual(['app: other lacks 2'])
  })

  it.each<ErrorCode>(['INTERRUPTED', 'KMS_TIMEOUT'])(
    'stops at %s, and names the keys that remain',
    async (code) => {
      const testbed = await createDistributed({ rotationPeriod: DAY })
      await saveKey(testbed.engine, 'zebra', { type: 'aes256-gcm96', rotationPeriod: DAY })
      const engine = after(without(testbed, 'us-west-1', code), 2)
      expect(await rotated(engine)).toEqual([
        ['app', 1, code],
        ['zebra', 1, code],
      ])
      expect(await latest(engine, 'zebra')).toBe(1)
    },
  )

  it('leaves out a key that another command has rotated meanwhile', async () => {
    const { engine } = await createDistributed({ rotationPeriod: DAY })
    const later = after({ engine }, 2)
    const { due } = await listDue(later)
    const [one, other] = await Promise.all([rotateDue(later, due), rotateDue(later, due)])
    expect([one[0]?.error, other[0]?.error, await latest(engine, 'app')]).toEqual([
      undefined,
      undefined,
      2,
    ])
  })
})
