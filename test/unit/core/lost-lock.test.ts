import { beforeEach, describe, expect, it } from '@jest/globals'
import { distribute } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import { createMemoryStore, type Store } from '../../../src/store/index.js'
import { createMemoryKms } from '../../support/memory-kms.js'
import {
  AES,
  createTestbed,
  DAY_MS,
  fail,
  recorded,
  refusal,
  ROTATE,
  type Step,
  type Testbed,
} from './testbed.js'

// A command is stopped as it creates the KMS key of version 2, and loses its lock. Another command
// does the work. Then the first one continues.

const DISTRIBUTE: Step = (engine) => distribute(engine, 'k', 'app', AES)

/** A store in memory whose locks run out. */
function storeWithLeases(): Store {
  return { ...createMemoryStore(), leases: { outlast: () => Promise.resolve() } }
}

/** The store as the next holder of every lock sees it. */
function withoutLocks(store: Store): Store {
  const lock = { isHeld: () => true, release: () => Promise.resolve() }
  return { ...store, lock: () => Promise.resolve(lock) }
}

let testbed: Testbed
let other: Testbed
beforeEach(async () => {
  testbed = await createTestbed({ store: storeWithLeases(), kms: createMemoryKms() })
  const { store, kms } = testbed
  await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
  await DISTRIBUTE(testbed.engine)
  other = await createTestbed({ store: withoutLocks(store), kms })
})

/** The command that is stopped, with this creation of a KMS key. */
const stopped = (create: (provider: KmsProvider) => KmsProvider['create']) =>
  recorded(testbed, (provider) => ({ create: create(provider) }))

/** A command that is stopped before its request, and whose process is killed after it. */
async function leaveSurplus(): Promise<void> {
  const first = stopped((provider) => async (request) => {
    await ROTATE(other.engine)
    await provider.create(request)
    throw new KeymgmtError('STORE_UNAVAILABLE', 'killed')
  })
  await expect(ROTATE(first.engine)).rejects.toThrow('killed')
  expect(states()).toEqual(['1 used', '2 used', '2 empty'])
}

const record = async () => {
  const found = await readDistribution(testbed.engine, 'k', 'app')
  if (!found) throw new Error('no record')
  return found
}
/** The KMS keys: the version, and the state. */
const states = () =>
  testbed.kms.keys.map(({ request, deletion, material }) => {
    const state = deletion ? 'pending deletion' : material === undefined ? 'empty' : 'used'
    return `${request.description.replace('keymgmt app version ', '')} ${state}`
  })
const recordedIds = async () =>
  (await record()).kmsKeys.map((entry) => (entry.state === 'creating' ? '' : entry.key.id))

describe('a command that continues after another one did its work', () => {
  it('schedules the KMS key for deletion that it could not record, and says so', async () => {
    const first = stopped((provider) => async (request) => {
      await ROTATE(other.engine)
      return provider.create(request)
    })
    const [code, message] = await refusal(ROTATE(first.engine))
    const [, used, surplus] = testbed.kms.keys
    expect([code, message]).toEqual([
      'STORE_CONFLICT',
      expect.stringMatching(`KMS key ${surplus?.key.arn ?? ''}, .* is scheduled for deletion$`),
    ])
    expect(states()).toEqual(['1 used', '2 used', '2 pending deletion'])
    expect(await recordedIds()).toContain(used?.key.id)
  })

  it('says so if the KMS key must be deleted by hand', async () => {
    const first = recorded(testbed, (provider) => ({
      create: async (request) => {
        await ROTATE(other.engine)
        return provider.create(request)
      },
      scheduleDeletion: fail,
    }))
    expect((await refusal(ROTATE(first.engine)))[1]).toMatch(/must be deleted by hand$/)
  })

  it('leaves a KMS key alone that the other one has found and recorded', async () => {
    const first = stopped((provider) => async (request) => {
      const key = await provider.create(request)
      await DISTRIBUTE(other.engine)
      return key
    })
    expect((await refusal(ROTATE(first.engine)))[0]).toBe('STORE_CONFLICT')
    expect(states()).toEqual(['1 used', '2 used'])
  })

  it('creates nothing and changes no record if it notices the loss', async () => {
    const first = stopped(() => async () => {
      await ROTATE(other.engine)
      throw new KeymgmtError('STORE_LOCKED', 'the lock has run out')
    })
    expect((await refusal(ROTATE(first.engine)))[1]).toBe('the lock has run out')
    expect(states()).toEqual(['1 used', '2 used'])
  })
})

describe('a surplus KMS key of a process that was killed', () => {
  beforeEach(leaveSurplus)

  it('is scheduled for deletion by the next command, which says so once', async () => {
    const next = await createTestbed(testbed)
    await DISTRIBUTE(next.engine)
    expect(states()).toEqual(['1 used', '2 used', '2 pending deletion'])
    expect(next.notices).toEqual([
      expect.stringContaining(
        `Scheduled KMS key ${testbed.kms.keys[2]?.key.arn ?? ''} for deletion`,
      ),
    ])
    expect(await record()).not.toHaveProperty('abandoned')
    await DISTRIBUTE(next.engine)
    expect(next.notices).toHaveLength(1)
  })

  it('stays on record if the search fails, and the command works', async () => {
    const next = recorded(testbed, () => ({ findByOperation: fail }))
    await ROTATE(next.engine)
    expect(next.notices).toEqual([expect.stringContaining('Could not look in us-west-1')])
    expect(await record()).toHaveProperty('abandoned')
    await DISTRIBUTE(testbed.engine)
    expect(states()).toContain('2 pending deletion')
  })
})

it('an operation id stays on record for a day, and the search deletes nothing else', async () => {
  const first = stopped(() => async () => {
    await ROTATE(other.engine)
    throw new KeymgmtError('STORE_UNAVAILABLE', 'killed')
  })
  await expect(ROTATE(first.engine)).rejects.toThrow('killed')
  await DISTRIBUTE(testbed.engine)
  expect(await record()).toHaveProperty('abandoned')
  const now = () => new Date(Date.now() + DAY_MS + 1_000)
  await DISTRIBUTE({ ...testbed.engine, now })
  expect(await record()).not.toHaveProperty('abandoned')
  expect(states()).toEqual(['1 used', '2 used'])
  expect(testbed.notices).toEqual([])
})

it('a store whose locks do not run out keeps no operation id', async () => {
  const plain = await createTestbed()
  await saveKey(plain.engine, 'app', { type: 'aes256-gcm96' })
  const dead = recorded(plain, () => ({
    create: () => Promise.reject(new KeymgmtError('STORE_UNAVAILABLE', 'killed')),
  }))
  await expect(DISTRIBUTE(dead.engine)).rejects.toThrow('killed')
  await DISTRIBUTE(plain.engine)
  expect((await readDistribution(plain.engine, 'k', 'app'))?.kmsKeys).toHaveLength(1)
  expect(await readDistribution(plain.engine, 'k', 'app')).not.toHaveProperty('abandoned')
})
