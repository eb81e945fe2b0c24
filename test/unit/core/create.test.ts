import { describe, expect, it } from '@jest/globals'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { openRecord } from '../../../src/core/records/record.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { recordPath, type DistributionRecord } from '../../../src/core/records/model.js'
import { KeymgmtError, type ErrorCode } from '../../../src/errors.js'
import { OPERATION_TAG, type KmsKey } from '../../../src/kms/kms-key.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import {
  AES,
  findProblems,
  createTestbed,
  createDistributed,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type Testbed,
} from './testbed.js'

// AWS creates another KMS key for each CreateKey, and each costs money every month: none may be
// created twice, or without a record.

const LOOKING = `looking in ${HOME} for KMS keys that AWS may have created without a reply`
const AWAY = 'eu-west-1'

const fail = (code: ErrorCode) => Promise.reject(new KeymgmtError(code, 'failed'))
const kmsKeys = async ({ engine }: Testbed) =>
  (await readDistribution(engine, 'k', 'app'))?.kmsKeys ?? []
const operationIds = async (testbed: Testbed) =>
  (await kmsKeys(testbed)).map(({ operationId }) => operationId)

/** A testbed with a key that is not distributed yet. */
async function createKeyed(versions = 1): Promise<Testbed> {
  const testbed = await createTestbed()
  await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
  for (let version = 1; version < versions; version++) await rotateKey(testbed.engine, 'app')
  return testbed
}

/**
 * A KMS that replies to CreateKey in these ways, in order. `made` creates the KMS key and loses the
 * reply; `not made` only loses the reply.
 */
const creating = (...answers: readonly ('created' | 'made' | 'not made' | Error)[]) => {
  const left = [...answers]
  return (provider: KmsProvider): Partial<KmsProvider> => ({
    create: async (request) => {
      const answer = left.shift() ?? 'created'
      if (answer instanceof Error) throw answer
      const key = answer === 'not made' ? undefined : await provider.create(request)
      if (key && answer === 'created') return key
      throw new KeymgmtError('KMS_AMBIGUOUS', 'AWS did not answer')
    },
  })
}

/** Changes the distribution's record to one that a killed command leaves. */
async function edit(
  { store }: Testbed,
  change: (record: DistributionRecord) => DistributionRecord['kmsKeys'],
): Promise<void> {
  const handle = await openRecord<DistributionRecord>(store, recordPath.distribution('k', 'app'))
  if (!handle) throw new Error('there is no distribution')
  await handle.update((current) => ({ ...current, kmsKeys: change(current) }))
}

describe('if the reply to CreateKey is lost', () => {
  it.each([
    ['a KMS key that was created is found, and no other is created', ['made'], 1],
    ['CreateKey is sent again if no KMS key was created', ['not made', 'created'], 2],
    ['CreateKey is sent three times', ['not made', 'not made', 'created'], 3],
    ['a KMS key of the last attempt is found', ['not made', 'not made', 'made'], 3],
  ] as const)('%s', async (_name, answers, creates) => {
    const testbed = await createKeyed()
    const { engine, calls, progress } = recorded(testbed, creating(...answers))
    await distribute(engine, 'k', 'app', AES)
    expect(calls.filter((call) => call.startsWith('create'))).toHaveLength(creates)
    expect(progress.filter((message) => message === LOOKING)).toHaveLength(
      answers.filter((answer) => answer !== 'created').length,
    )
    expect(testbed.kms.keys).toHaveLength(1)
    expect(await findProblems(testbed)).toEqual([])
  })

  it('and the KMS key was not created three times, the command gives up and records nothing', async () => {
    const testbed = await createKeyed()
    const { engine, calls } = recorded(
      testbed,
      creating('not made', 'not made', 'not made', 'created'),
    )
    expect(await refusal(distribute(engine, 'k', 'app', AES))).toEqual([
      'KMS_AMBIGUOUS',
      'AWS did not answer',
    ])
    const creates = calls.filter((call) => call !== 'account')
    expect([creates, await kmsKeys(testbed)]).toEqual([['create 1', 'create 1', 'create 1'], []])
  })

  it('KMS keys that are created at the same time are not searched for', async () => {
    const testbed = await createKeyed(2)
    const waiting: (() => void)[] = []
    const { engine } = recorded(testbed, (provider) => ({
      // The second version is requested first, and created after the first was found.
      create: async (request) => {
        if (request.tags['keymgmt:version'] === '1') {
          await provider.create(request)
          throw new KeymgmtError('KMS_AMBIGUOUS', 'AWS did not answer')
        }
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
        })
        return provider.create(request)
      },
      importMaterial: (...args) => {
        for (const go of waiting) go()
        return provider.importMaterial(...args)
      },
    }))
    await distribute(engine, 'k', 'app', AES)
    expect(await operationIds(testbed)).toEqual(
      [1, 2].map((version) =>
        testbed.kms.keys
          .find(({ tags }) => tags.get('keymgmt:version') === String(version))
          ?.tags.get(OPERATION_TAG),
      ),
    )
    expect(await findProblems(testbed)).toEqual([])
  })
})

describe('if no KMS key was created', () => {
  it('because AWS refused, nothing is recorded or searched for later', async () => {
    const testbed = await createKeyed()
    expect(
      await refusal(
        distribute(
          recorded(testbed, creating(new KeymgmtError('KMS_LIMIT', 'too many'))).engine,
          'k',
          'app',
          AES,
        ),
      ),
    ).toEqual(['KMS_LIMIT', 'too many'])
    expect(await kmsKeys(testbed)).toEqual([])
    const { engine, progress } = recorded(testbed)
    await distribute(engine, 'k', 'app', AES)
    expect(progress).not.toContain(LOOKING)
  })

  it.each([new KeymgmtError('INTERRUPTED', 'dead'), new Error('a mistake of ours')])(
    'as far as known, it is searched for later: %s',
    async (error) => {
      const testbed = await createKeyed()
      await expect(
        distribute(recorded(testbed, creating(error)).engine, 'k', 'app', AES),
      ).rejects.toBe(error)
      const [begun] = await kmsKeys(testbed)
      if (begun?.state !== 'creating') throw new Error('no creation is on record')
      expect(begun).toEqual({
        version: 1,
        region: HOME,
        state: 'creating',
        operationId: expect.any(String),
        begun: expect.any(String),
      })
      let asked: readonly unknown[] = []
      let searched = new Date(0)
      const { engine, progress } = recorded(testbed, (provider) => ({
        findByOperation: (ids, since) => {
          asked = [...ids]
          searched = since
          return provider.findByOperation(ids, since)
        },
      }))
      await distribute(engine, 'k', 'app', AES)
      expect(asked).toEqual([begun.operationId])
      // The attempt may have ended just now, so the whole settling time is left.
      expect(Date.now() - searched.getTime()).toBeLessThan(1_000)
      expect(progress[0]).toBe(LOOKING)
      expect(await findProblems(testbed)).toEqual([])
    },
  )
})

describe('a KMS key whose creation got no reply', () => {
  it('is waited for until the latest one must be visible, each in its Region', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    await rotateKey(testbed.engine, 'app')
    const before = await kmsKeys(testbed)
    const times: Readonly<Record<string, string>> = {
      [`1 ${HOME}`]: '2026-02-01T00:00:00.000Z',
      [`2 ${HOME}`]: '2026-01-01T00:00:00.000Z',
      [`2 ${AWAY}`]: '2026-01-15T00:00:00.000Z',
    }
    await edit(testbed, ({ kmsKeys }) =>
      kmsKeys.map((entry) => {
        const begun = times[`${entry.version} ${entry.region}`]
        if (begun === undefined) return entry
        const { version, region, operationId = '' } = entry
        return { version, region, state: 'creating', operationId, begun }
      }),
    )
    const asked: string[] = []
    const { engine, calls } = recorded(testbed, (provider) => ({
      findByOperation: (ids, since) => {
        asked.push(`${ids.size} since ${since.toISOString()}`)
        return provider.findByOperation(ids, since)
      },
      findReplica: (key, region, since) => {
        asked.push(`${region} since ${since.toISOString()}`)
        return provider.findReplica(key, region, since)
      },
    }))
    await replicate(engine, 'k', 'app')
    // A killed command has sent requests for ten minutes at most.
    expect(asked).toEqual([
      '2 since 2026-02-01T00:10:00.000Z',
      `${AWAY} since 2026-01-15T00:10:00.000Z`,
    ])
    expect(calls).toEqual([
      `importMaterial ${HOME} 1`,
      `importMaterial ${HOME} 2`,
      `importMaterial ${AWAY} 2`,
      // Another copy of the store may have created the replica.
      `tag ${AWAY} 2`,
    ])
    expect(await kmsKeys(testbed)).toEqual(before)
  })

  it('is not waited for beyond the settling time from now if the clock was ahead', async () => {
    const testbed = await createDistributed()
    await edit(testbed, () => [
      {
        version: 1,
        region: HOME,
        state: 'creating',
        operationId: 'o',
        begun: new Date(Date.now() + 86_400_000).toISOString(),
      },
    ])
    let searched = new Date(0)
    const { engine } = recorded(testbed, (provider) => ({
      findByOperation: (ids, since) => {
        searched = since
        return provider.findByOperation(ids, since)
      },
    }))
    await distribute(engine, 'k', 'app', AES)
    expect(searched.getTime()).toBeLessThanOrEqual(Date.now())
  })

  it('is created again together with its primary', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    testbed.kms.keys.length = 0
    await edit(testbed, () => [
      {
        version: 1,
        region: AWAY,
        state: 'creating',
        operationId: 'o',
        begun: '2026-01-01T00:00:00.000Z',
      },
    ])
    const { engine, calls } = recorded(testbed)
    await replicate(engine, 'k', 'app')
    expect(calls.slice(0, 5)).toEqual([
      'account',
      `create 1`,
      `importMaterial ${HOME} 1`,
      `replicate 1 ${AWAY} 1`,
      'replicate 1 us-east-1 1',
    ])
  })

  it("and can't be searched for is reported with its operation id", async () => {
    const testbed = await createKeyed(2)
    await expect(
      distribute(
        recorded(testbed, creating(new Error('dead'), new Error('dead'))).engine,
        'k',
        'app',
        AES,
      ),
    ).rejects.toThrow('dead')
    const operations = await operationIds(testbed)
    const denied = new KeymgmtError('KMS_ACCESS_DENIED', 'ListKeys was denied', {
      requestId: 'r-1',
    })
    const attempt = distribute(
      recorded(testbed, () => ({ findByOperation: () => Promise.reject(denied) })).engine,
      'k',
      'app',
      AES,
    )
    expect(await refusal(attempt)).toEqual([
      'KMS_ACCESS_DENIED',
      `KMS keys that AWS may have created in ${HOME} can't be found: ListKeys was denied`,
      'allow kms:ListKeys and kms:ListResourceTags, then run the same command again',
      `or look for KMS keys with the tag keymgmt:operation=${operations.join(' or ')}`,
    ])
    await expect(attempt).rejects.toMatchObject({ requestId: 'r-1', cause: denied })
    expect(operations).toHaveLength(2)
  })

  it.each([new KeymgmtError('KMS_UNREACHABLE', 'no network'), new Error('a mistake of ours')])(
    "and can't be searched for stays on record: %s",
    async (error) => {
      const testbed = await createKeyed()
      await expect(
        distribute(recorded(testbed, creating(new Error('dead'))).engine, 'k', 'app', AES),
      ).rejects.toThrow('dead')
      const before = await kmsKeys(testbed)
      await expect(
        distribute(
          recorded(testbed, () => ({ findByOperation: () => Promise.reject(error) })).engine,
          'k',
          'app',
          AES,
        ),
      ).rejects.toBe(error)
      expect(await kmsKeys(testbed)).toEqual(before)
    },
  )
})

it('a failed replication is tried again, and creates no second replica', async () => {
  const testbed = await createDistributed(GLOBAL)
  const failing = recorded(testbed, (provider) => ({
    replicate: async (...args) => {
      await provider.replicate(...args)
      return fail('KMS_TIMEOUT')
    },
  }))
  expect(await refusal(replicate(failing.engine, 'k', 'app'))).toEqual(['KMS_TIMEOUT', 'failed'])
  const { engine, calls, progress } = recorded(testbed)
  await replicate(engine, 'k', 'app')
  expect(calls.filter((call) => call.startsWith('replicate'))).toEqual([])
  expect(progress.slice(0, 2)).toEqual([
    LOOKING.replace(HOME, AWAY),
    LOOKING.replace(HOME, 'us-east-1'),
  ])
  expect(await findProblems(testbed)).toEqual([])
})

describe('a KMS key whose creation got no reply, and that is scheduled for deletion', () => {
  it.each([HOME, AWAY])('is taken back in %s', async (region) => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    const [primary] = testbed.kms.keys
    if (!primary) throw new Error('there is no KMS key')
    const provider = await testbed.kms.kind.open({ region: HOME, credentials: {} })
    await provider.scheduleDeletion(region, primary.key, 7)
    const begun = '2026-01-01T00:00:00.000Z'
    await edit(testbed, ({ kmsKeys }) =>
      kmsKeys.map((entry) =>
        entry.region === region
          ? { version: 1, region, state: 'creating', operationId: entry.operationId ?? '', begun }
          : entry,
      ),
    )
    await replicate(testbed.engine, 'k', 'app')
    expect((await provider.inspect(region, primary.key))?.state).toBe('enabled')
    expect(await findProblems(testbed)).toEqual([])
  })
})

describe('a replica that AWS has and that is not on record', () => {
  const change = {
    'is scheduled for deletion': (provider: KmsProvider, key: KmsKey) =>
      provider.scheduleDeletion(AWAY, key, 7),
    'is disabled': (provider: KmsProvider, key: KmsKey) => provider.disable(AWAY, key),
  }

  it.each(Object.entries(change))('and %s, becomes usable', async (_name, changeReplica) => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    const [primary] = testbed.kms.keys
    if (!primary) throw new Error('there is no KMS key')
    const provider = await testbed.kms.kind.open({ region: HOME, credentials: {} })
    await changeReplica(provider, primary.key)
    await edit(testbed, ({ kmsKeys }) => kmsKeys.filter(({ region }) => region !== AWAY))
    await replicate(testbed.engine, 'k', 'app')
    expect((await provider.inspect(AWAY, primary.key))?.state).toBe('enabled')
    expect(await findProblems(testbed)).toEqual([])
  })
})
