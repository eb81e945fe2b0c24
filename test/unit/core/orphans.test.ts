import { describe, expect, it } from '@jest/globals'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { findOrphans } from '../../../src/core/operations/orphans.js'
import { removeDistribution } from '../../../src/core/operations/remove.js'
import { verifyProvider } from '../../../src/core/operations/verify.js'
import { encodeRecord } from '../../../src/core/records/codec.js'
import { recordPath } from '../../../src/core/records/model.js'
import { KeymgmtError } from '../../../src/errors.js'
import { AES, createDistributed, DAY_MS, GLOBAL, HOME, recorded, type Testbed } from './testbed.js'

const orphansOf = async ({ engine }: Pick<Testbed, 'engine'>) =>
  (await findOrphans(engine, 'k')).orphans.map(
    ({ region, key, version, state }) => `${key ?? ''} ${version ?? 0} ${region} ${state}`,
  )

/** Removes the distribution's record. */
async function dropRecord({ store }: Testbed): Promise<void> {
  const path = recordPath.distribution('k', 'app')
  const stored = await store.get(path)
  await store.delete(path, stored?.revision ?? '')
}

describe('a KMS key with the tags of the store', () => {
  it('is no orphan if a distribution names it, active or removed, or began its creation', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    expect(await orphansOf(testbed)).toEqual([])
    await removeDistribution(testbed.engine, 'k', 'app')
    expect(await orphansOf(testbed)).toEqual([])
    await saveKey(testbed.engine, 'web', { type: 'aes256-gcm96' })
    const dead = recorded(testbed, (provider) => ({
      create: async (request) => {
        await provider.create(request)
        throw new KeymgmtError('INTERRUPTED', 'interrupted')
      },
    }))
    await expect(distribute(dead.engine, 'k', 'web', AES)).rejects.toMatchObject({
      code: 'INTERRUPTED',
    })
    expect(await orphansOf(testbed)).toEqual([])
  })

  it('is an orphan if no distribution has it, in every Region, until its deletion is scheduled', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    await dropRecord(testbed)
    const found = [HOME, 'eu-west-1', 'us-east-1'].map((region) => `app 1 ${region} enabled`)
    expect(await orphansOf(testbed)).toEqual(found)
    for (const key of testbed.kms.keys) key.deletion = new Date(Date.now() + DAY_MS)
    const { orphans } = await findOrphans(testbed.engine, 'k')
    expect(orphans.map(({ nextStep, deletionDate }) => [nextStep, deletionDate])).toEqual(
      testbed.kms.keys.map(({ deletion }) => [undefined, deletion]),
    )
  })

  it('can be adopted if its key is not distributed, and be deleted', async () => {
    const testbed = await createDistributed()
    await rotateKey(testbed.engine, 'app')
    await dropRecord(testbed)
    const [first, second] = testbed.kms.keys
    const nextStep = async (id: string | undefined) =>
      (await findOrphans(testbed.engine, 'k')).orphans.find(({ kmsKeyId }) => kmsKeyId === id)
        ?.nextStep
    const deletion = (id = '') =>
      `delete it: aws kms schedule-key-deletion --region ${HOME} --key-id ${id}`
    const id = first?.key.id ?? ''
    expect(await nextStep(id)).toBe(
      `adopt it: keymgmt write keymgmt/kms/k/key/app/adopt key_id=${id} version=1; or ${deletion(id)}`,
    )
    testbed.kms.aliases.clear()
    await adopt(testbed.engine, 'k', 'app', { kmsKeyId: id, version: 1 })
    expect(await nextStep(second?.key.id)).toBe(deletion(second?.key.id))
  })

  it('is reported together with the Regions that could not be searched', async () => {
    const testbed = await createDistributed(GLOBAL)
    await dropRecord(testbed)
    const partly = recorded(testbed, (provider) => ({
      findTagged: (region, name, value) =>
        region === 'eu-west-1'
          ? Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied'))
          : provider.findTagged(region, name, value),
    }))
    const { orphans, unchecked } = await findOrphans(partly.engine, 'k')
    expect(orphans).toHaveLength(1)
    expect(unchecked.map(({ what, region }) => `${what} ${region}`)).toEqual(['orphans eu-west-1'])
  })
})

it('all distributions of a provider are verified, removed ones and refused ones too', async () => {
  const testbed = await createDistributed()
  await saveKey(testbed.engine, 'web', { type: 'aes256-gcm96' })
  await distribute(testbed.engine, 'k', 'web', AES)
  await removeDistribution(testbed.engine, 'k', 'web')
  await saveKey(testbed.engine, 'torn', { type: 'aes256-gcm96' })
  await testbed.store.put(
    recordPath.distribution('k', 'torn'),
    encodeRecord({ keyId: 'another', kmsKeys: [], regions: [], aliases: [] }),
    undefined,
  )
  const { verifications, unchecked } = await verifyProvider(testbed.engine, 'k', false)
  expect(
    verifications.map(({ key, distribution, differences }) => [
      key,
      distribution.state,
      differences.length,
    ]),
  ).toEqual([
    ['app', 'active', 0],
    ['web', 'removed', 0],
  ])
  expect(unchecked.map(({ what, subject }) => `${what} ${subject}`)).toEqual(['distribution torn'])
})
