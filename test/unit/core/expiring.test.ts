import { describe, expect, it } from '@jest/globals'
import type { Engine } from '../../../src/core/engine.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { listExpiring, renewExpiring } from '../../../src/core/operations/expiring.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { removeDistribution, revokeDistribution } from '../../../src/core/operations/remove.js'
import { recordPath } from '../../../src/core/records/model.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { requireDistribution } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  createTestbed,
  DAY_MS,
  fail,
  GLOBAL,
  recorded,
  refusal,
  withFailingStore,
} from './testbed.js'

const DAY = 86_400
const START = new Date('2027-01-01T00:00:00Z')
const at = (engine: Engine, days: number): Engine => ({
  ...engine,
  now: () => new Date(START.getTime() + days * DAY_MS),
})

/** A testbed with keys `a` (20 days), `b` (10 days, in three Regions) and `c` (never). */
async function createExpiring() {
  const testbed = await createTestbed()
  const engine = at(testbed.engine, 0)
  const create = async (name: string, ttl: number, change = {}) => {
    await saveKey(engine, name, { type: 'aes256-gcm96', ...change })
    await distribute(engine, 'k', name, { ...AES, ttl: ttl * DAY })
  }
  await create('a', 20)
  await create('b', 10, GLOBAL)
  await replicate(at(engine, 1), 'k', 'b')
  await create('c', 0)
  return { ...testbed, engine }
}

const listed = async (engine: Engine, days: number) =>
  (await listExpiring(engine, days * DAY_MS)).expiring.map(
    ({ key, regions, expires }) => `${key} ${regions.join()} ${expires.slice(0, 10)}`,
  )

describe('the list of expiring material', () => {
  it('has one entry for a KMS key and its replicas, with the earliest expiry', async () => {
    const { engine } = await createExpiring()
    expect(await listed(engine, 9)).toEqual([])
    expect(await listed(engine, 10)).toEqual(['b us-west-1 2027-01-11'])
    expect(await listed(engine, 20)).toEqual([
      'b us-west-1,eu-west-1,us-east-1 2027-01-11',
      'a us-west-1 2027-01-21',
    ])
    expect(await listed(engine, Number.MAX_SAFE_INTEGER)).toHaveLength(2)
  })

  it('includes expired material, but no revoked or removed distribution', async () => {
    const { engine } = await createExpiring()
    expect(await listed(at(engine, 100), 0)).toHaveLength(2)
    await revokeDistribution(engine, 'k', 'a')
    await removeDistribution(engine, 'k', 'b')
    expect(await listed(at(engine, 100), 0)).toEqual([])
  })

  it('has no KMS key in a dropped Region, even before its deletion is scheduled', async () => {
    const { engine } = await createExpiring()
    const distribution = await requireDistribution(engine, 'k', 'b')
    await distribution.update((current) => ({
      ...current,
      regions: current.regions.filter((region) => region !== 'eu-west-1'),
      droppedRegions: ['eu-west-1'],
    }))
    expect(await listed(engine, 15)).toEqual(['b us-west-1,us-east-1 2027-01-11'])
  })

  it('names a damaged record, which hides no other; a store that fails is an error', async () => {
    const { engine, store } = await createExpiring()
    const path = recordPath.distribution('k', 'b')
    const known = await store.get(path)
    await store.put(path, Buffer.from('{'), known?.revision)
    const { expiring, unchecked } = await listExpiring(engine, 30 * DAY_MS)
    expect(expiring.map(({ key }) => key)).toEqual(['a'])
    expect(unchecked).toEqual([{ path, reason: expect.stringContaining(path) }])
    expect(await refusal(listExpiring(withFailingStore(engine), 0))).toEqual([
      'STORE_UNAVAILABLE',
      'no store',
    ])
  })
})

describe('renewing expiring material', () => {
  it('renews each distribution once, and continues after a failure', async () => {
    const testbed = await createExpiring()
    await saveProvider(testbed.engine, 'east', { provider: 'awskms', keyCollection: 'us-east-1' })
    await distribute(testbed.engine, 'east', 'a', { ...AES, ttl: 15 * DAY })
    const broken = recorded(testbed, (provider) =>
      provider.region === 'us-east-1' ? { importMaterial: fail } : {},
    )
    const engine = at(broken.engine, 12)
    const { expiring } = await listExpiring(engine, 30 * DAY_MS)
    const results = await renewExpiring(engine, expiring)
    expect(
      results.map(({ item, outcomes, error }) => [
        `${item.providerName}/${item.key}`,
        outcomes.map(({ action, state }) => `${action} ${state}`).sort(),
        error instanceof KeymgmtError ? error.code : error,
      ]),
    ).toEqual([
      ['k/b', ['renew done', 'renew done', 'renew done'], undefined],
      ['east/a', ['renew failed'], 'KMS_FAILED'],
      // The unfinished work of the other distribution is tried again.
      ['k/a', ['renew done', 'renew skipped'], undefined],
    ])
    expect(await listed(engine, 9)).toEqual(['a us-east-1 2027-01-16'])
  })

  it('stops after an interruption, which is the error of the rest', async () => {
    const { engine } = await createExpiring()
    const stopped: Engine = {
      ...engine,
      store: {
        ...engine.store,
        lock: () => Promise.reject(new KeymgmtError('INTERRUPTED', 'stopped')),
      },
    }
    const { expiring } = await listExpiring(engine, 30 * DAY_MS)
    const results = await renewExpiring(stopped, expiring)
    expect(results.map(({ error }) => (error as KeymgmtError).code)).toEqual([
      'INTERRUPTED',
      'INTERRUPTED',
    ])
  })
})
