import { describe, expect, it } from '@jest/globals'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import type { Engine } from '../../../src/core/engine.js'
import { rotateKey, saveKey } from '../../../src/core/operations/keys.js'
import { createdKmsKeys } from '../../../src/core/records/kms-keys.js'
import { openRecord } from '../../../src/core/records/record.js'
import { recordPath, without, type DistributionRecord } from '../../../src/core/records/model.js'
import { readKey } from '../../../src/core/records/repository.js'
import { revokeDistribution } from '../../../src/core/operations/remove.js'
import { verifyDistribution, type Difference } from '../../../src/core/operations/verify.js'
import type { KmsKeyStatus } from '../../../src/kms/provider.js'
import {
  createTestbed,
  createDistributed,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type Testbed,
} from './testbed.js'

const SIGN = { purpose: ['sign', 'verify'], protection: 'hsm' } as const
const OTHER = Buffer.alloc(32, 1).toString('base64')

const summarise = ({ what, version, expected, found, mendable }: Difference) =>
  `${what} ${version}: ${expected}, ${found}${mendable ? '' : ', for good'}`
const verify = async (engine: Engine, challenge = false) =>
  (await verifyDistribution(engine, 'k', 'app', challenge)).differences.map(summarise)

/** A testbed on which the KMS says this of every KMS key. */
const saying = (testbed: Testbed, change: (status: KmsKeyStatus) => Partial<KmsKeyStatus>) =>
  recorded(testbed, (provider) => ({
    inspect: async (region, key) => {
      const status = await provider.inspect(region, key)
      return status && { ...status, ...change(status) }
    },
  }))

async function createSigning(): Promise<Testbed> {
  const testbed = await createTestbed()
  await saveKey(testbed.engine, 'app', { type: 'ecdsa-p256' })
  await distribute(testbed.engine, 'k', 'app', SIGN)
  return testbed
}

describe('verify compares the material of a KMS key', () => {
  it("by AWS's id for it if nothing else is known, and with the KMS key itself only on request", async () => {
    const testbed = await createDistributed()
    const quiet = recorded(testbed)
    expect([await verify(quiet.engine), quiet.calls]).toEqual([[], []])
    expect([await verify(quiet.engine, true), quiet.calls]).toEqual([[], [`accepts ${HOME} 1`]])
    for (const key of testbed.kms.keys) Object.assign(key, { material: OTHER, bound: OTHER })
    const found = ['material 1: our material, other material, for good']
    expect([await verify(testbed.engine), await verify(testbed.engine, true)]).toEqual([
      found,
      found,
    ])
  })

  it('and never reports a match while the current material is another one, after a rotation in place', async () => {
    const testbed = await createDistributed()
    // AWS accepts the earlier material again, although it is no longer the current one.
    const rotated = saying(testbed, () => ({ materialId: 'another' }))
    const found = ['material 1: our material, other material, for good']
    expect([await verify(rotated.engine), await verify(rotated.engine, true)]).toEqual([
      found,
      found,
    ])
    expect(rotated.calls).toEqual([])
  })

  it('and the fingerprints in the records of the key and the distribution', async () => {
    const testbed = await createDistributed()
    const path = recordPath.distribution('k', 'app')
    const handle = await openRecord<DistributionRecord>(testbed.store, path)
    await handle?.update((current) => ({
      ...current,
      kms_keys: createdKmsKeys(current).map((entry) => ({
        ...entry,
        materials: entry.materials.map((each) => ({ ...each, fingerprint: 'another' })),
      })),
    }))
    const found = ['material 1: our material, other material, for good']
    expect([await verify(testbed.engine), await verify(testbed.engine, true)]).toEqual([
      found,
      found,
    ])
  })

  it.each(['AWS', 'the record'])('which is unknown if %s has no id for it', async (who) => {
    const testbed = await createDistributed()
    for (const key of testbed.kms.keys) Object.assign(key, { material: OTHER, bound: OTHER })
    if (who === 'the record') {
      const handle = await openRecord<DistributionRecord>(
        testbed.store,
        recordPath.distribution('k', 'app'),
      )
      await handle?.update((current) => {
        const [entry] = createdKmsKeys(current)
        if (!entry) throw new Error('there is no KMS key')
        const materials = entry.materials.map((material) => without(material, 'material_id'))
        return { ...current, kms_keys: [{ ...entry, materials }] }
      })
    }
    const { engine } = saying(testbed, ({ materialId }) => ({
      materialId: who === 'AWS' ? undefined : materialId,
    }))
    expect([await verify(engine), await verify(engine, true)]).toEqual([
      [],
      ['material 1: our material, other material, for good'],
    ])
    const { observation } = await verifyDistribution(engine, 'k', 'app', false)
    expect(observation.kmsKeys[0]?.holds).toBeUndefined()
  })

  it('if it is disabled, but not if it is pending deletion', async () => {
    const testbed = await createSigning()
    const [key] = testbed.kms.keys
    Object.assign(key ?? {}, { material: OTHER, enabled: false })
    expect(await verify(testbed.engine)).toEqual([
      'state 1: enabled, disabled',
      'material 1: our material, other material, for good',
    ])
    Object.assign(key ?? {}, { deletion: new Date() })
    expect(await verify(testbed.engine)).toEqual(['state 1: enabled, pending-deletion'])
  })
})

describe('verify reports', () => {
  it.each([
    [
      'a state in which nothing can be done',
      { state: 'unavailable' },
      ['state 1: enabled, unavailable, for good'],
    ],
    [
      'a state of what takes no material',
      { state: 'disabled', external: false },
      ['state 1: enabled, disabled, for good'],
    ],
    ['a state that can be changed', { state: 'disabled' }, ['state 1: enabled, disabled']],
  ] as const)('%s', async (_name, status, found) => {
    expect(await verify(saying(await createSigning(), () => status).engine)).toEqual(found)
  })

  it('each missing tag, but not of deleted KMS keys', async () => {
    const testbed = await createDistributed()
    await rotateKey(testbed.engine, 'app')
    for (const name of ['managed-by', 'keymgmt:version']) testbed.kms.keys[0]?.tags.delete(name)
    testbed.kms.keys.splice(1, 1)
    const { observation, differences } = await verifyDistribution(testbed.engine, 'k', 'app', true)
    expect(differences.map(summarise)).toEqual([
      'tags 1: ours, missing or changed: managed-by, keymgmt:version',
      'kms-key 2: exists, deleted, for good',
    ])
    expect(observation.kmsKeys[1]).toMatchObject({
      status: undefined,
      wrongTags: [],
      holds: undefined,
    })
  })

  it('nothing about the alias of a revoked distribution, which nobody can use', async () => {
    const testbed = await createDistributed()
    await revokeDistribution(testbed.engine, 'k', 'app')
    testbed.kms.aliases.clear()
    expect(await verify(testbed.engine)).toEqual([])
  })

  const ALL = `${HOME}, eu-west-1, us-east-1`
  it.each([
    [
      'none',
      undefined,
      [
        `multi-region 1: ${ALL}, ${HOME}, for good`,
        `multi-region 1: ${ALL}, eu-west-1, for good`,
        `multi-region 1: ${ALL}, us-east-1, for good`,
      ],
    ],
    [
      'another',
      { primary: HOME, regions: [HOME, 'eu-west-1', 'ap-south-1'] },
      Array(3).fill(`multi-region 1: ${ALL}, ${HOME}, eu-west-1, ap-south-1, for good`),
    ],
    [
      'one more',
      { primary: HOME, regions: [HOME, 'eu-west-1', 'us-east-1', 'ap-south-1'] },
      Array(3).fill(`multi-region 1: ${ALL}, ${ALL}, ap-south-1, for good`),
    ],
    [
      'another primary',
      { primary: 'eu-west-1', regions: [HOME, 'eu-west-1', 'us-east-1'] },
      Array(3).fill(`multi-region 1: ${ALL}, ${ALL}, for good`),
    ],
    ['those, in another order', { primary: HOME, regions: ['us-east-1', 'eu-west-1', HOME] }, []],
  ])('different Regions: %s', async (_name, multiRegion, found) => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    expect(await verify(saying(testbed, () => ({ multiRegion })).engine)).toEqual(found)
  })
})

it('a damaged record in the store is reported as damaged', async () => {
  const testbed = await createDistributed()
  const key = await readKey(testbed.engine, 'app')
  const folder = recordPath.materialOf(key?.id ?? '')
  const [name = ''] = await testbed.store.list(folder)
  const material = await testbed.store.get(`${folder}/${name}`)
  await testbed.store.delete(`${folder}/${name}`, material?.revision ?? '')
  expect(await refusal(verify(testbed.engine))).toEqual([
    'STORE_CORRUPT',
    'the material of app version 1 is not in the store',
    'restore the store from a backup; nothing was changed',
  ])
  await testbed.store.put(recordPath.key('torn'), Buffer.from('{"id":'), undefined)
  expect(await refusal(rotateKey(testbed.engine, 'torn'))).toEqual([
    'STORE_CORRUPT',
    'the record key/torn is not what keymgmt writes',
  ])
})
