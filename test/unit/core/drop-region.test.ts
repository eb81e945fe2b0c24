import { describe, expect, it } from '@jest/globals'
import type { Engine, Outcome } from '../../../src/core/engine.js'
import { dropRegion } from '../../../src/core/operations/drop-region.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { recordPath, type DistributionRecord } from '../../../src/core/records/model.js'
import { openRecord } from '../../../src/core/records/record.js'
import { readDistribution, readKey } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import {
  AES,
  createDistributed,
  findProblems,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  shown,
  type Testbed,
} from './testbed.js'

const [NEAR, FAR] = ['us-east-1', 'eu-west-1']
const DROP = `keymgmt delete keymgmt/kms/k/key/app/replicate/${FAR}`

/** A testbed over the same store and KMS in which no replica is created in FAR. */
const failing = (testbed: Testbed, code: 'KMS_ACCESS_DENIED' | 'KMS_AMBIGUOUS') =>
  recorded(testbed, (provider) => ({
    replicate: (key, region, request) =>
      region === FAR
        ? Promise.reject(new KeymgmtError(code, 'not in this Region', { hints: ['allow it'] }))
        : provider.replicate(key, region, request),
  }))

async function outcomesOf(
  engine: Engine,
  run: (engine: Engine) => Promise<unknown>,
): Promise<string[]> {
  const outcomes: string[] = []
  const outcome = ({ region, version, alias, action, state }: Outcome) =>
    outcomes.push([state, region, alias ? 'alias' : (version ?? '-'), action].join(' '))
  await run({ ...engine, outcome }).catch(() => undefined)
  return outcomes
}

const distribution = async ({ engine }: Testbed) => {
  const record = await readDistribution(engine, 'k', 'app')
  return { regions: record?.regions, dropped: record?.droppedRegions }
}

describe('a Region in which AWS refuses the replica', () => {
  it('leaves no entry, and its error names the next step', async () => {
    const testbed = await createDistributed(GLOBAL)
    const { engine } = failing(testbed, 'KMS_ACCESS_DENIED')
    expect(await refusal(replicate(engine, 'k', 'app'))).toEqual([
      'KMS_ACCESS_DENIED',
      'not in this Region',
      'allow it',
      `or do without ${FAR}: ${DROP}`,
    ])
    const kmsKeys = (await readDistribution(testbed.engine, 'k', 'app'))?.kmsKeys
    expect(kmsKeys?.map(({ region, state }) => `${region} ${state}`)).toEqual([
      `${HOME} created`,
      `${NEAR} created`,
    ])
  })

  it('is dropped: the blocked work is done, and later versions skip the Region', async () => {
    const testbed = await createDistributed(GLOBAL)
    const { engine } = failing(testbed, 'KMS_ACCESS_DENIED')
    await refusal(replicate(engine, 'k', 'app'))
    // The distribution is behind: until it is up to date, no version is created.
    await refusal(rotateKey(engine, 'app'))
    expect(await outcomesOf(engine, (each) => dropRegion(each, 'k', 'app', FAR))).toEqual([
      `done ${FAR} - drop-region`,
    ])
    expect((await readKey(engine, 'app'))?.latestVersion).toBe(1)
    expect(await distribution(testbed)).toEqual({ regions: [HOME, NEAR], dropped: [FAR] })
    await rotateKey(engine, 'app')
    expect(shown(testbed)).toContain(`app version 2 ${NEAR} enabled`)
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is skipped by replicate until regions= names it', async () => {
    const testbed = await createDistributed(GLOBAL)
    await dropRegion(testbed.engine, 'k', 'app', FAR)
    const far = `skipped ${FAR} - replicate`
    expect(await outcomesOf(testbed.engine, (each) => replicate(each, 'k', 'app'))).toEqual([
      far,
      `done ${NEAR} 1 replicate`,
      `done ${NEAR} alias point-alias`,
    ])
    expect(testbed.notices.at(-1)).toContain(
      `keymgmt write keymgmt/kms/k/key/app/replicate regions=${FAR}`,
    )
    await replicate(testbed.engine, 'k', 'app', [FAR])
    expect(await distribution(testbed)).toEqual({ regions: [HOME, NEAR, FAR], dropped: undefined })
    expect(await outcomesOf(testbed.engine, (each) => replicate(each, 'k', 'app'))).toEqual([])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('stays dropped after a removal that is taken back', async () => {
    const testbed = await createDistributed(GLOBAL)
    await dropRegion(testbed.engine, 'k', 'app', FAR)
    await removeDistribution(testbed.engine, 'k', 'app')
    await distribute(testbed.engine, 'k', 'app', AES)
    expect(await distribution(testbed)).toEqual({ regions: [HOME], dropped: [FAR] })
  })
})

it("a key whose only replica Region is the provider's own cannot be replicated", async () => {
  const { engine } = await createDistributed({ replicaRegions: [HOME] })
  expect((await refusal(replicate(engine, 'k', 'app'))).slice(0, 2)).toEqual([
    'NO_REPLICA_REGIONS',
    `the only replica Region of app is ${HOME}, the Region of k itself`,
  ])
})

describe('dropping a Region', () => {
  it('that was dropped changes nothing, and asks AWS nothing', async () => {
    const testbed = await createDistributed(GLOBAL)
    await dropRegion(testbed.engine, 'k', 'app', FAR)
    const { engine, calls, written } = recorded(testbed, () => ({}))
    expect(await outcomesOf(engine, (each) => dropRegion(each, 'k', 'app', FAR))).toEqual([])
    expect([calls, written]).toEqual([[], []])
  })

  it('needs no provider if nothing was asked for there', async () => {
    const testbed = await createDistributed(GLOBAL)
    const path = recordPath.provider('k')
    const stored = await testbed.store.get(path)
    if (stored) await testbed.store.delete(path, stored.revision)
    await dropRegion(testbed.engine, 'k', 'app', FAR)
    expect((await distribution(testbed)).dropped).toEqual([FAR])
  })

  it('looks first for a replica whose creation got no reply, and removes it', async () => {
    const testbed = await createDistributed(GLOBAL)
    const lost = recorded(testbed, (provider: KmsProvider) => ({
      replicate: async (...args) => {
        await provider.replicate(...args)
        throw new KeymgmtError('KMS_AMBIGUOUS', 'no reply')
      },
    }))
    await refusal(replicate(lost.engine, 'k', 'app'))
    expect(await dropRegion(testbed.engine, 'k', 'app', FAR)).toMatchObject([
      { version: 1, region: FAR, kmsKeyId: testbed.kms.keys[0]?.key.id, date: expect.any(String) },
    ])
    await replicate(testbed.engine, 'k', 'app')
    expect(await findProblems(testbed)).toEqual([])
  })

  it('drops nothing if that replica cannot be looked for', async () => {
    const testbed = await createDistributed(GLOBAL)
    await refusal(replicate(failing(testbed, 'KMS_AMBIGUOUS').engine, 'k', 'app'))
    const blind = recorded(testbed, () => ({
      findReplica: () => Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'no route')),
    }))
    expect((await refusal(dropRegion(blind.engine, 'k', 'app', FAR)))[0]).toBe('KMS_UNREACHABLE')
    const other = recorded(testbed, () => ({
      account: () => Promise.resolve({ account: '444455556666', partition: 'aws' }),
    }))
    await pin(testbed)
    expect((await refusal(dropRegion(other.engine, 'k', 'app', FAR)))[0]).toBe(
      'KMS_ACCOUNT_DIFFERS',
    )
    expect((await distribution(testbed)).dropped).toBeUndefined()
    await dropRegion(testbed.engine, 'k', 'app', FAR)
    expect((await distribution(testbed)).dropped).toEqual([FAR])
  })

  it.each([
    [HOME, 'KEY_IN_USE', `${HOME} is the Region of k itself`],
    ['us-east-2', 'DISTRIBUTION_NOT_FOUND', 'us-east-2 is not one of the replica_regions of app'],
  ])('refuses %s: %s', async (region, code, message) => {
    const testbed = await createDistributed(GLOBAL)
    await refusal(replicate(failing(testbed, 'KMS_ACCESS_DENIED').engine, 'k', 'app'))
    const before = await distribution(testbed)
    expect((await refusal(dropRegion(testbed.engine, 'k', 'app', region))).slice(0, 2)).toEqual([
      code,
      message,
    ])
    expect(await distribution(testbed)).toEqual(before)
  })

  it('leaves an unfinished removal alone, and is done for a revoked distribution', async () => {
    const testbed = await createDistributed(GLOBAL)
    const stuck = recorded(testbed, () => ({
      scheduleDeletion: () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied')),
    }))
    await refusal(removeDistribution(stuck.engine, 'k', 'app'))
    expect((await refusal(dropRegion(testbed.engine, 'k', 'app', FAR)))[0]).toBe(
      'DISTRIBUTION_DIFFERS',
    )
    await distribute(testbed.engine, 'k', 'app', AES)
    await revokeDistribution(testbed.engine, 'k', 'app')
    await dropRegion(testbed.engine, 'k', 'app', FAR)
    expect((await distribution(testbed)).dropped).toEqual([FAR])
  })
})

describe('a dropped Region with replicas', () => {
  const createReplicated = async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    return testbed
  }

  it('loses its alias first, then its replicas are scheduled for deletion', async () => {
    const testbed = await createReplicated()
    await rotateKey(testbed.engine, 'app')
    const { engine, calls } = recorded(testbed)
    const scheduled = await dropRegion(engine, 'k', 'app', FAR, 7)
    expect(calls.map((call) => call.split(' ')[0])).toEqual([
      'removeAlias',
      'scheduleDeletion',
      'scheduleDeletion',
    ])
    expect(scheduled.map(({ region }) => region)).toEqual([FAR, FAR])
    expect(await findProblems(testbed)).toEqual([])
    await rotateKey(testbed.engine, 'app')
    expect(shown(testbed).filter((line) => line.startsWith('app version 3'))).toEqual([
      `app version 3 ${NEAR} enabled`,
      `app version 3 ${HOME} enabled`,
    ])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is removed by no other command after an interruption, and verify names both ways forward', async () => {
    const testbed = await createReplicated()
    const stuck = recorded(testbed, () => ({
      removeAlias: () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied')),
    }))
    const RESTORE = 'keymgmt write -f keymgmt/kms/k/key/app/restore'
    expect(await refusal(dropRegion(stuck.engine, 'k', 'app', FAR))).toEqual([
      'KMS_ACCESS_DENIED',
      'denied',
      `to finish the removal: ${DROP}`,
      `to reverse it: ${RESTORE}`,
    ])
    const { engine, calls } = recorded(testbed)
    await repairDistribution(engine, 'k', 'app')
    await rotateKey(engine, 'app')
    expect(calls.filter((call) => /scheduleDeletion|removeAlias/.test(call))).toEqual([])
    const { differences } = await verifyDistribution(engine, 'k', 'app', false)
    expect(differences).toMatchObject([
      {
        what: 'state',
        region: FAR,
        expected: 'pending-deletion',
        found: 'enabled',
        repairable: false,
        nextStep: `${DROP}, or ${RESTORE}`,
      },
    ])
    await dropRegion(engine, 'k', 'app', FAR)
    expect((await verifyDistribution(engine, 'k', 'app', false)).differences).toEqual([])
  })

  it('is brought back by restore, with the versions that were created meanwhile', async () => {
    const testbed = await createReplicated()
    const { engine } = testbed
    await dropRegion(engine, 'k', 'app', FAR)
    await rotateKey(engine, 'app')
    expect((await refusal(replicate(engine, 'k', 'app', [FAR]))).slice(0, 2)).toEqual([
      'DISTRIBUTION_DIFFERS',
      expect.stringContaining(
        `${FAR} was dropped, and AWS still has the replicas of app there until`,
      ),
    ])
    await restoreDistribution(engine, 'k', 'app')
    expect(await distribution(testbed)).toEqual({ regions: [HOME, NEAR, FAR], dropped: undefined })
    expect(shown(testbed).filter((line) => line.startsWith('app') && line.includes(FAR))).toEqual([
      `app version 1 ${FAR} enabled`,
      `app version 2 ${FAR} enabled`,
    ])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is brought back by restore, although the reply to the deletion was lost', async () => {
    const testbed = await createReplicated()
    const lost = recorded(testbed, (provider) => ({
      scheduleDeletion: async (...args) => {
        await provider.scheduleDeletion(...args)
        throw new KeymgmtError('KMS_UNREACHABLE', 'no reply')
      },
    }))
    expect((await refusal(dropRegion(lost.engine, 'k', 'app', FAR)))[0]).toBe('KMS_UNREACHABLE')
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect(shown(testbed)).toContain(`app version 1 ${FAR} enabled`)
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is still to be removed after an unfinished removal of the distribution is reversed', async () => {
    const testbed = await createReplicated()
    const stuck = recorded(testbed, () => ({
      scheduleDeletion: () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied')),
    }))
    await refusal(dropRegion(stuck.engine, 'k', 'app', FAR))
    await refusal(removeDistribution(stuck.engine, 'k', 'app'))
    const { engine } = testbed
    await restoreDistribution(engine, 'k', 'app')
    expect((await verifyDistribution(engine, 'k', 'app', false)).differences).toMatchObject([
      { what: 'state', region: FAR, nextStep: expect.stringContaining(DROP) },
    ])
    await dropRegion(engine, 'k', 'app', FAR)
    expect(shown(testbed)).toContain(`app version 1 ${FAR} pending-deletion`)
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is removed again after somebody cancelled the deletion of its replicas', async () => {
    const testbed = await createReplicated()
    const { engine, kms } = testbed
    await dropRegion(engine, 'k', 'app', FAR)
    const provider = await kms.kind.open({ name: 'k', region: HOME, credentials: {} })
    for (const { key, region } of kms.keys.filter((each) => each.region === FAR))
      await provider.cancelDeletion(region, key)
    const { differences } = await verifyDistribution(engine, 'k', 'app', false)
    expect(differences).toMatchObject([{ nextStep: expect.stringContaining(DROP) }])
    await dropRegion(engine, 'k', 'app', FAR)
    expect(await findProblems(testbed)).toEqual([])
    expect((await verifyDistribution(engine, 'k', 'app', false)).differences).toEqual([])
  })

  it('gets new replicas after AWS has deleted the old ones', async () => {
    const testbed = await createReplicated()
    await dropRegion(testbed.engine, 'k', 'app', FAR, 7)
    const later = { ...testbed.engine, now: () => new Date(Date.now() + 8 * 86_400_000) }
    testbed.kms.keys.splice(
      testbed.kms.keys.findIndex(({ region }) => region === FAR),
      1,
    )
    expect((await verifyDistribution(later, 'k', 'app', false)).differences).toEqual([])
    await restoreDistribution(later, 'k', 'app')
    expect((await distribution(testbed)).dropped).toEqual([FAR])
    await replicate(later, 'k', 'app', [FAR])
    expect(shown(testbed)).toContain(`app version 1 ${FAR} enabled`)
    expect(await findProblems(testbed)).toEqual([])
  })

  it.each([true, false])(
    'is refused while somebody has moved a primary there (on record: %s)',
    async (isRecorded) => {
      const testbed = await createReplicated()
      const handle = await openRecord<DistributionRecord>(
        testbed.store,
        recordPath.distribution('k', 'app'),
      )
      if (isRecorded)
        await handle?.update((current) => ({ ...current, primaryRegions: { 1: FAR } }))
      const { engine, calls } = recorded(testbed, (provider) => ({
        inspect: async (region, key) => {
          const status = await provider.inspect(region, key)
          return status && { ...status, multiRegion: { primary: FAR, regions: [HOME, NEAR, FAR] } }
        },
      }))
      const [code, message] = await refusal(dropRegion(engine, 'k', 'app', FAR))
      expect([code, message]).toEqual([
        'KEY_IN_USE',
        `${FAR} has the primary of app version 1, without which AWS has no replicas`,
      ])
      expect(calls).toEqual([])
      expect((await distribution(testbed)).dropped).toBeUndefined()
    },
  )

  it('gets back an alias that somebody took meanwhile, by repair', async () => {
    const testbed = await createReplicated()
    const { engine, kms } = testbed
    const { name = '' } = (await readDistribution(engine, 'k', 'app')) ?? {}
    await dropRegion(engine, 'k', 'app', FAR)
    kms.aliases.set(`${FAR} alias/hashicorp/${name}`, 'somebody-else')
    const [code, , ...hints] = await refusal(restoreDistribution(engine, 'k', 'app'))
    expect([code, hints.join()]).toEqual(['KMS_FAILED', expect.stringContaining('/repair')])
    await repairDistribution(engine, 'k', 'app')
    expect(await findProblems(testbed)).toEqual([])
  })
})

/** Records that the KMS keys are in an account: the KMS in memory has none. */
async function pin({ engine }: Testbed): Promise<void> {
  const handle = await openRecord(engine.store, recordPath.distribution('k', 'app'))
  const pinned = {
    account: '111122223333',
    partition: 'aws',
    endpoint: { origin: 'memory', isLoopback: false },
  }
  await handle?.update((current) => ({ ...current, pinned }))
}
