import { describe, expect, it } from '@jest/globals'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import type { Engine } from '../../../src/core/engine.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { createdKmsKeys } from '../../../src/core/records/kms-keys.js'
import { openRecord } from '../../../src/core/records/record.js'
import { recordPath, without, type DistributionRecord } from '../../../src/core/records/model.js'
import { readKey } from '../../../src/core/records/repository.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { verifyDistribution, type Difference } from '../../../src/core/operations/verify.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  createTestbed,
  createDistributed,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type Testbed,
  SIGN,
  withStatus,
} from './testbed.js'

const OTHER = Buffer.alloc(32, 1).toString('base64')

const summarise = ({ what, version, expected, found, repairable }: Difference) =>
  `${what} ${version}: ${expected}, ${found}${repairable ? '' : ', for good'}`
const verify = async (engine: Engine, challenge = false) =>
  (await verifyDistribution(engine, 'k', 'app', challenge)).differences.map(summarise)

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
    const found = ['material 1: the material in the store, other material, for good']
    expect([await verify(testbed.engine), await verify(testbed.engine, true)]).toEqual([
      found,
      found,
    ])
  })

  it('and never reports a match while the current material is another one, after a rotation in place', async () => {
    const testbed = await createDistributed()
    // AWS accepts the earlier material again, although it is no longer the current one.
    const rotated = withStatus(testbed, () => ({ materialId: 'another' }))
    const found = ['material 1: the material in the store, other material, for good']
    expect([await verify(rotated.engine), await verify(rotated.engine, true)]).toEqual([
      found,
      found,
    ])
    expect(rotated.calls).toEqual([])
    const handle = await openRecord<DistributionRecord>(
      testbed.store,
      recordPath.distribution('k', 'app'),
    )
    await handle?.update((current) => ({
      ...current,
      kmsKeys: createdKmsKeys(current).map((entry) => ({
        ...entry,
        materials: entry.materials.map((material) => without(material, 'materialId')),
      })),
    }))
    expect(await verify(rotated.engine, true)).toEqual(found)
  })

  it('and compares nothing by the id of the material alone', async () => {
    const { engine } = await createDistributed()
    for (const [challenge, holds] of [
      [false, undefined],
      [true, true],
    ] as const)
      expect((await verifyDistribution(engine, 'k', 'app', challenge)).observation).toMatchObject({
        kmsKeys: [{ holds }],
      })
  })

  it('and the fingerprints in the records of the key and the distribution', async () => {
    const testbed = await createDistributed()
    const path = recordPath.distribution('k', 'app')
    const handle = await openRecord<DistributionRecord>(testbed.store, path)
    await handle?.update((current) => ({
      ...current,
      kmsKeys: createdKmsKeys(current).map((entry) => ({
        ...entry,
        materials: entry.materials.map((each) => ({ ...each, fingerprint: 'another' })),
      })),
    }))
    expect((await refusal(verify(testbed.engine))).slice(0, 2)).toEqual([
      'STORE_CORRUPT',
      expect.stringContaining('version 1 has another fingerprint'),
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
        const materials = entry.materials.map((material) => without(material, 'materialId'))
        return { ...current, kmsKeys: [{ ...entry, materials }] }
      })
    }
    const { engine } = withStatus(testbed, ({ materialId }) => ({
      materialId: who === 'AWS' ? undefined : materialId,
    }))
    expect([await verify(engine), await verify(engine, true)]).toEqual([
      [],
      ['material 1: the material in the store, other material, for good'],
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
      'material 1: the material in the store, other material, for good',
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
    expect(await verify(withStatus(await createSigning(), () => status).engine)).toEqual(found)
  })

  it('each missing tag, but not of deleted KMS keys', async () => {
    const testbed = await createDistributed()
    await rotateKey(testbed.engine, 'app')
    for (const name of ['managed-by', 'keymgmt:version']) testbed.kms.keys[0]?.tags.delete(name)
    testbed.kms.keys.splice(1, 1)
    const { observation, differences } = await verifyDistribution(testbed.engine, 'k', 'app', true)
    expect(differences.map(summarise)).toEqual([
      "tags 1: keymgmt's tags, missing or changed: managed-by, keymgmt:version",
      'kms-key 2: exists, deleted, for good',
    ])
    expect(observation.kmsKeys[1]).toMatchObject({
      status: undefined,
      settings: [],
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
      [`multi-region 1: primary in ${HOME}, primary in eu-west-1`],
    ],
    [
      'another primary, in a Region that is not on record',
      { primary: 'ap-south-1', regions: [HOME, 'eu-west-1', 'us-east-1', 'ap-south-1'] },
      [
        ...Array<string>(3).fill(`multi-region 1: ${ALL}, ${ALL}, ap-south-1, for good`),
        `multi-region 1: primary in ${HOME}, primary in ap-south-1, for good`,
      ],
    ],
    ['those, in another order', { primary: HOME, regions: ['us-east-1', 'eu-west-1', HOME] }, []],
  ])('different Regions: %s', async (_name, multiRegion, found) => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    expect(await verify(withStatus(testbed, () => ({ multiRegion })).engine)).toEqual(found)
  })
})

describe('verify reports the requests that failed, and compares the rest', () => {
  const denied = () =>
    Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied', { hints: ['allow it'] }))
  const shown = async (
    { engine }: Pick<Testbed, 'engine'>,
    challenge = false,
  ): Promise<readonly string[]> => {
    const { observation } = await verifyDistribution(engine, 'k', 'app', challenge)
    return observation.unchecked.map(
      ({ what, region, version, error }) => `${what} ${version ?? 0} ${region}: ${error.message}`,
    )
  }

  it('in a Region', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    for (const { region } of testbed.kms.keys.filter((key) => key.region !== 'us-east-1'))
      testbed.kms.aliases.delete(
        [...testbed.kms.aliases.keys()].find((name) => name.startsWith(region)) ?? '',
      )
    const inVirginia = (region: string) => region === 'us-east-1'
    const partly = recorded(testbed, (provider) => ({
      inspect: (region, key) => (inVirginia(region) ? denied() : provider.inspect(region, key)),
      aliasTargets: (region, names) =>
        inVirginia(region) ? denied() : provider.aliasTargets(region, names),
    }))
    expect(await shown(partly)).toEqual([
      'kms-key 1 us-east-1: denied',
      'alias 0 us-east-1: denied',
    ])
    const { differences } = await verifyDistribution(partly.engine, 'k', 'app', false)
    expect(differences.map(({ what, region }) => `${what} ${region}`)).toEqual([
      `alias ${HOME}`,
      'alias eu-west-1',
    ])
  })

  it('about tags, aliases or material', async () => {
    const testbed = await createDistributed()
    const partly = recorded(testbed, () => ({
      tagsOf: denied,
      aliasTargets: denied,
      accepts: denied,
    }))
    expect(await shown(partly, true)).toEqual([
      `tags 1 ${HOME}: denied`,
      `material 1 ${HOME}: denied`,
      `alias 0 ${HOME}: denied`,
    ])
    expect(await verify(partly.engine, true)).toEqual([])
  })

  it('of a provider that is no longer configured', async () => {
    const testbed = await createDistributed()
    const path = recordPath.provider('k')
    const stored = await testbed.store.get(path)
    await testbed.store.delete(path, stored?.revision ?? '')
    expect(await shown(testbed)).toEqual([
      `kms-key 1 ${HOME}: KMS provider "k" not found`,
      `alias 0 ${HOME}: KMS provider "k" not found`,
    ])
  })

  it('while repair leaves that alone, and repairs the rest', async () => {
    const testbed = await createDistributed()
    await rotateKey(testbed.engine, 'app')
    const [first, second] = testbed.kms.keys
    Object.assign(first ?? {}, { enabled: false })
    Object.assign(second ?? {}, { enabled: false })
    const partly = recorded(testbed, (provider) => ({
      inspect: (region, key) =>
        typeof key === 'object' && key.id === first?.key.id
          ? denied()
          : provider.inspect(region, key),
    }))
    const { repaired, remaining, unchecked } = await repairDistribution(partly.engine, 'k', 'app')
    expect(repaired.map(({ version }) => version)).toEqual([2])
    expect(remaining).toEqual([])
    expect(unchecked.map(({ version }) => version)).toEqual([1])
    expect([first?.enabled, second?.enabled]).toEqual([false, true])
  })
})

describe('verify of a removed distribution', () => {
  it('shows when its KMS keys are deleted, and that somebody cancelled it', async () => {
    const testbed = await createDistributed()
    await removeDistribution(testbed.engine, 'k', 'app', 7)
    const { observation, differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect(differences).toEqual([])
    expect(observation.kmsKeys[0]?.status?.deletionDate).toEqual(testbed.kms.keys[0]?.deletion)
    Object.assign(testbed.kms.keys[0] ?? {}, { deletion: undefined, enabled: false })
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toMatchObject(
      [
        {
          what: 'state',
          expected: 'pending-deletion',
          found: 'disabled',
          repairable: false,
          nextStep: expect.stringContaining('keymgmt write -f keymgmt/kms/k/key/app/restore'),
        },
      ],
    )
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect(await verify(testbed.engine)).toEqual([])
  })

  it('is clean once AWS has deleted them', async () => {
    const testbed = await createDistributed()
    await removeDistribution(testbed.engine, 'k', 'app', 7)
    testbed.kms.keys.length = 0
    expect(await verify(testbed.engine)).toEqual([])
  })
})

it('a damaged record in the store is reported as damaged', async () => {
  const testbed = await createDistributed()
  const key = await readKey(testbed.engine, 'app')
  const folder = recordPath.materialOf(key?.id ?? '')
  const [name = ''] = await testbed.store.list(folder)
  const material = await testbed.store.get(`${folder}/${name}`)
  await testbed.store.delete(`${folder}/${name}`, material?.revision ?? '')
  const { observation } = await verifyDistribution(testbed.engine, 'k', 'app', false)
  expect(observation.unchecked.map(({ what, error }) => [what, error.message])).toEqual([
    ['material', 'the material of app version 1 is not in the store'],
  ])
  await testbed.store.put(recordPath.key('torn'), Buffer.from('{"id":'), undefined)
  expect(await refusal(rotateKey(testbed.engine, 'torn'))).toEqual([
    'STORE_CORRUPT',
    'the record key/torn has no valid content',
  ])
})
