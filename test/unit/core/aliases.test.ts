import { describe, expect, it } from '@jest/globals'
import type { Engine } from '../../../src/core/engine.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { removeDistribution, restoreDistribution } from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { archiveDistribution } from '../../../src/core/records/archive.js'
import { createRecord, openRecord } from '../../../src/core/records/record.js'
import { recordPath, type DistributionRecord } from '../../../src/core/records/model.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  findProblems,
  createDistributed,
  createTestbed,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  REPLICATE,
  type Testbed,
} from './testbed.js'

const SECOND = 1_688_559_292
const at = (engine: Engine, second = SECOND): Engine => ({
  ...engine,
  now: () => new Date(second * 1000),
})
const nameOf = async (engine: Engine, key: string, provider = 'k') =>
  (await readDistribution(engine, provider, key))?.name
const targets = ({ kms }: Testbed) => [...kms.aliases].map(([, id]) => id)

describe('two distributions in the same second', () => {
  it('of keys with the same alias name get different aliases, and each removes only its own', async () => {
    const testbed = await createTestbed()
    const engine = at(testbed.engine)
    const keys = ['db.main', 'db_main'] as const
    for (const key of keys) await saveKey(engine, key, { type: 'aes256-gcm96' })
    await Promise.all(keys.map((key) => distribute(engine, 'k', key, AES)))
    expect([...testbed.kms.aliases.keys()].sort()).toEqual([
      `${HOME} alias/hashicorp/db_main-${SECOND}`,
      `${HOME} alias/hashicorp/db_main-${SECOND + 1}`,
    ])
    expect(new Set(targets(testbed)).size).toBe(2)
    const before = new Set(targets(testbed))
    await removeDistribution(engine, 'k', 'db_main')
    expect(testbed.kms.aliases.size).toBe(1)
    await restoreDistribution(engine, 'k', 'db_main')
    expect(new Set(targets(testbed))).toEqual(before)
  })

  it('to two providers of one account get different aliases', async () => {
    const testbed = await createTestbed()
    const engine = at(testbed.engine)
    await saveProvider(engine, 'other', { provider: 'awskms', keyCollection: HOME })
    await saveKey(engine, 'app', { type: 'aes256-gcm96' })
    await distribute(engine, 'k', 'app', AES)
    await distribute(engine, 'other', 'app', AES)
    expect([await nameOf(engine, 'app'), await nameOf(engine, 'app', 'other')]).toEqual([
      `app-${SECOND}`,
      `app-${SECOND + 1}`,
    ])
    await removeDistribution(engine, 'other', 'app')
    expect([...testbed.kms.aliases.keys()]).toEqual([`${HOME} alias/hashicorp/app-${SECOND}`])
  })

  it('are both archived, and neither name is used again', async () => {
    const { engine, store } = await createTestbed()
    const now = at(engine)
    await saveKey(now, 'app', { type: 'rsa-2048' })
    for (const purpose of [
      ['sign', 'verify'],
      ['encrypt', 'decrypt'],
    ] as const) {
      await distribute(now, 'k', 'app', { purpose, protection: 'hsm' })
      await removeDistribution(now, 'k', 'app')
    }
    expect((await store.list('archive/k')).sort()).toEqual([`app-${SECOND}`, `app-${SECOND + 1}`])
  })
})

describe('an alias name that is taken in AWS', () => {
  const takenFor = async (seconds: number) => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const foreign = Array.from(
      { length: seconds },
      (_, index) => `${HOME} alias/hashicorp/app-${SECOND + index}`,
    )
    for (const name of foreign) testbed.kms.aliases.set(name, 'other-kms-key')
    return { testbed, foreign }
  }

  it('is given up after 20 names, and the next command tries others', async () => {
    const { testbed } = await takenFor(25)
    const refused = await refusal(distribute(at(testbed.engine), 'k', 'app', AES))
    expect(refused.slice(0, 2)).toEqual([
      'KMS_FAILED',
      `20 aliases in ${HOME} are taken by others, the last of them alias/hashicorp/app-${SECOND + 19}`,
    ])
    await distribute(at(testbed.engine), 'k', 'app', AES)
    expect(await nameOf(testbed.engine, 'app')).toBe(`app-${SECOND + 25}`)
  })

  it.each([false, true])(
    'stays with its owner, and the next second is used (version aliases: %s)',
    async (versionAliases) => {
      const { testbed, foreign } = await takenFor(3)
      await distribute(at(testbed.engine), 'k', 'app', { ...AES, versionAliases })
      expect(await nameOf(testbed.engine, 'app')).toBe(`app-${SECOND + 3}`)
      expect(await findProblems(testbed)).toEqual([])
      expect(testbed.kms.aliases.size).toBe(foreign.length + (versionAliases ? 2 : 1))
      await removeDistribution(testbed.engine, 'k', 'app')
      expect([...testbed.kms.aliases]).toEqual(foreign.map((name) => [name, 'other-kms-key']))
    },
  )

  it('stays after the distribution is removed', async () => {
    const { testbed, foreign } = await takenFor(1)
    const failing = recorded(testbed, () => ({
      pointAlias: () => Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'failed')),
    }))
    expect((await refusal(distribute(at(failing.engine), 'k', 'app', AES)))[0]).toBe(
      'KMS_UNREACHABLE',
    )
    await removeDistribution(testbed.engine, 'k', 'app')
    expect([...testbed.kms.aliases.keys()]).toEqual(foreign)
    expect(testbed.notices.at(-1)).toBe(
      `The alias alias/hashicorp/app-${SECOND} in ${HOME} is left alone: it points to KMS key other-kms-key, which does not belong to app`,
    )
  })
})

describe('an alias that somebody moved to another KMS key', () => {
  const moved = async () => {
    const testbed = await createDistributed()
    for (const name of testbed.kms.aliases.keys()) testbed.kms.aliases.set(name, 'other-kms-key')
    return testbed
  }

  it('is not moved by a rotation, which says how to move it back', async () => {
    const testbed = await moved()
    const name = await nameOf(testbed.engine, 'app')
    expect(await refusal(rotateKey(testbed.engine, 'app'))).toEqual([
      'KMS_FAILED',
      `the alias alias/hashicorp/${name ?? ''} in ${HOME} points to KMS key other-kms-key, which does not belong to app: somebody moved it`,
      'keymgmt left the alias alone',
      'to move it back: keymgmt write -f keymgmt/kms/k/key/app/repair',
      'version 2 was created, and it becomes the latest as soon as one provider has it',
      'to bring k up to date without another version: keymgmt write -f keymgmt/key/app/rotate',
      'to rotate without it: keymgmt write keymgmt/key/app/rotate without=k',
    ])
    expect(targets(testbed)).toEqual(['other-kms-key'])
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is not removed, and its removal blocks nothing', async () => {
    const testbed = await moved()
    await removeDistribution(testbed.engine, 'k', 'app')
    expect(targets(testbed)).toEqual(['other-kms-key'])
    expect(testbed.kms.keys[0]?.deletion).toBeDefined()
  })
})

describe('an alias that somebody moved while its removal was unfinished', () => {
  const denied = () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied'))

  it.each([
    ['in the only Region', [HOME]],
    ['in one of several Regions', ['us-east-1']],
    ['in every Region', [HOME, 'eu-west-1', 'us-east-1']],
  ])('is left alone by restore, and moved back by repair: %s', async (_name, regions) => {
    const isGlobal = regions[0] !== HOME || regions.length > 1
    const testbed = await createDistributed(isGlobal ? GLOBAL : {})
    if (isGlobal) await REPLICATE(testbed.engine)
    const failing = recorded(testbed, () => ({ removeAlias: denied }))
    await refusal(removeDistribution(failing.engine, 'k', 'app'))
    const name = await nameOf(testbed.engine, 'app')
    const aliases = regions.map((region) => `${region} alias/hashicorp/${name ?? ''}`)
    for (const alias of aliases) testbed.kms.aliases.set(alias, 'other-kms-key')

    const refused = await refusal(restoreDistribution(testbed.engine, 'k', 'app'))
    expect(refused).toContain('to move it back: keymgmt write -f keymgmt/kms/k/key/app/repair')
    expect(targets(testbed).filter((id) => id === 'other-kms-key')).toHaveLength(regions.length)
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(await nameOf(testbed.engine, 'app')).toBe(name)
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is created again if the removal had deleted it without a reply', async () => {
    const testbed = await createDistributed()
    const lossy = recorded(testbed, (provider) => ({
      removeAlias: async (...args) => {
        await provider.removeAlias(...args)
        throw new KeymgmtError('KMS_UNREACHABLE', 'lost')
      },
    }))
    await refusal(removeDistribution(lossy.engine, 'k', 'app'))
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect(await findProblems(testbed)).toEqual([])
  })
})

it('the record of another distribution never replaces an archived record', async () => {
  const { engine, store } = await createDistributed()
  const path = recordPath.distribution('k', 'app')
  const distribution = await openRecord<DistributionRecord>(store, path)
  if (!distribution) throw new Error('it is not distributed')
  const { current } = distribution
  const archived = recordPath.archived('k', current.name)
  const other = { ...current, distributionTime: '2020-01-01T00:00:00.000Z' }
  await createRecord(store, archived, other)
  expect((await refusal(archiveDistribution(engine, { providerName: 'k', distribution })))[0]).toBe(
    'STORE_CORRUPT',
  )
  expect((await openRecord(store, archived))?.current).toEqual(other)
})
