import { describe, expect, it } from '@jest/globals'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { dropRegion } from '../../../src/core/operations/drop-region.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { removeDistribution } from '../../../src/core/operations/remove.js'
import {
  distributionNames,
  knownArn,
  providerScope,
} from '../../../src/core/operations/provider-usage.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  createTestbed,
  createDistributed,
  GLOBAL,
  HOME,
  recorded,
  refusal,
} from './testbed.js'

const ROLE = 'arn:aws:iam::111122223333:role/r'
const NO_PROVIDER = [
  'KMS_NOT_FOUND',
  'KMS provider "none" not found',
  'to configure it: keymgmt write keymgmt/kms/none provider=awskms key_collection=us-west-1 (your AWS Region)',
  'to list all providers: keymgmt list keymgmt/kms',
]

describe('the Regions of a provider', () => {
  it('are those of its keys, other than its own', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'a', { type: 'aes256-gcm96' })
    await saveKey(testbed.engine, 'b', {
      type: 'aes256-gcm96',
      replicaRegions: ['us-east-1', 'eu-west-1', HOME],
    })
    await saveKey(testbed.engine, 'c', {
      type: 'aes256-gcm96',
      replicaRegions: ['ap-south-1', 'eu-west-1'],
    })
    expect(await providerScope(testbed.engine, 'k')).toEqual({
      region: HOME,
      primaryRegions: [HOME],
      replicaRegions: ['ap-south-1', 'eu-west-1', 'us-east-1'],
      storeId: await testbed.store.id(),
      aliases: ['alias/hashicorp/*'],
      settings: [],
      arn: undefined,
    })
    expect(await refusal(providerScope(testbed.engine, 'none'))).toEqual(NO_PROVIDER)
  })

  it('include those to which somebody moved a primary', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    for (const { family } of testbed.kms.keys) family.primary = 'us-east-1'
    await repairDistribution(testbed.engine, 'k', 'app')
    const primaryRegions = [HOME, 'us-east-1']
    expect(await providerScope(testbed.engine, 'k')).toMatchObject({ primaryRegions })
    await removeDistribution(testbed.engine, 'k', 'app')
    expect(await providerScope(testbed.engine, 'k')).toMatchObject({ primaryRegions })
  })

  it('leave out a Region that was dropped, unless another key needs it', async () => {
    const testbed = await createDistributed({ replicaRegions: ['us-east-1', 'eu-west-1'] })
    await dropRegion(testbed.engine, 'k', 'app', 'us-east-1')
    const scope = () => providerScope(testbed.engine, 'k')
    expect((await scope()).replicaRegions).toEqual(['eu-west-1'])
    await saveKey(testbed.engine, 'other', { replicaRegions: ['us-east-1'] })
    expect((await scope()).replicaRegions).toEqual(['eu-west-1', 'us-east-1'])
  })

  it('do not depend on a key that is deleted at the same time', async () => {
    const testbed = await createTestbed()
    const store = {
      ...testbed.store,
      list: (path: string) =>
        path === 'key' ? Promise.resolve(['gone']) : testbed.store.list(path),
    }
    expect(await providerScope({ ...testbed.engine, store }, 'k')).toMatchObject({
      replicaRegions: [],
    })
  })
})

describe('the account of a provider', () => {
  it('is the ARN of the first known KMS key or, before the first one exists, of the role', async () => {
    const testbed = await createTestbed()
    await saveProvider(testbed.engine, 'k', { credentials: { role_arn: ROLE } })
    expect(await knownArn(testbed.engine, 'k')).toBe(ROLE)
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const failing = recorded(testbed, () => ({
      create: () => Promise.reject(new KeymgmtError('INTERRUPTED', 'dead')),
    }))
    expect(await refusal(distribute(failing.engine, 'k', 'app', AES))).toEqual([
      'INTERRUPTED',
      'dead',
    ])
    expect(await knownArn(testbed.engine, 'k')).toBe(ROLE)
    await saveKey(testbed.engine, 'late', { type: 'aes256-gcm96' })
    await distribute(testbed.engine, 'k', 'late', AES)
    expect(await knownArn(testbed.engine, 'k')).toBe(testbed.kms.keys[0]?.key.arn)
    expect(await providerScope(testbed.engine, 'k')).toMatchObject({
      arn: testbed.kms.keys[0]?.key.arn,
    })
  })

  it('does not depend on a distribution that is removed at the same time', async () => {
    const testbed = await createTestbed()
    const store = { ...testbed.store, list: () => Promise.resolve(['gone']) }
    expect(await knownArn({ ...testbed.engine, store }, 'k')).toBeUndefined()
    expect(await refusal(knownArn(testbed.engine, 'none'))).toEqual(NO_PROVIDER)
  })
})

it('the distribution names of a key include archived ones', async () => {
  const { engine } = await createDistributed(GLOBAL)
  await replicate(engine, 'k', 'app')
  const name = (await readDistribution(engine, 'k', 'app'))?.name
  expect(await distributionNames(engine, 'k', 'app')).toEqual([name])
  await removeDistribution(engine, 'k', 'app')
  expect(await distributionNames(engine, 'k', 'app')).toEqual([name])
  await saveKey(engine, 'bare', { type: 'aes256-gcm96' })
  expect([
    await distributionNames(engine, 'k', 'bare'),
    await distributionNames(engine, 'k', 'none'),
  ]).toEqual([[], []])
})
