import { describe, expect, it } from '@jest/globals'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import type { Engine } from '../../../src/core/engine.js'
import { rotateKey, saveKey } from '../../../src/core/operations/keys.js'
import { openLedger } from '../../../src/core/records/record.js'
import { recordPath, without, type DistributionRecord } from '../../../src/core/records/model.js'
import { revokeDistribution } from '../../../src/core/operations/remove.js'
import { verifyDistribution, type Difference } from '../../../src/core/operations/verify.js'
import type { KmsKeyStatus } from '../../../src/kms/provider.js'
import {
  createBench,
  createDistributed,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type CoreBench,
} from './bench.js'

const SIGN = { purpose: ['sign', 'verify'], protection: 'hsm' } as const
const OTHER = Buffer.alloc(32, 1).toString('base64')

const inShort = ({ what, version, expected, found, mendable }: Difference) =>
  `${what} ${version}: ${expected}, ${found}${mendable ? '' : ', for good'}`
const verify = async (engine: Engine, challenge = false) =>
  (await verifyDistribution(engine, 'k', 'app', challenge)).differences.map(inShort)

/** A bench on which the KMS says this of every KMS key. */
const saying = (bench: CoreBench, change: (status: KmsKeyStatus) => Partial<KmsKeyStatus>) =>
  recorded(bench, (provider) => ({
    inspect: async (region, key) => {
      const status = await provider.inspect(region, key)
      return status && { ...status, ...change(status) }
    },
  }))

async function createSigning(): Promise<CoreBench> {
  const bench = await createBench()
  await saveKey(bench.engine, 'app', { type: 'ecdsa-p256' })
  await distribute(bench.engine, 'k', 'app', SIGN)
  return bench
}

describe('verify asks what is in a KMS key', () => {
  it('by the name that AWS has for it where it shows no more, and of the KMS key itself only when told to', async () => {
    const bench = await createDistributed()
    const quiet = recorded(bench)
    expect([await verify(quiet.engine), quiet.calls]).toEqual([[], []])
    expect([await verify(quiet.engine, true), quiet.calls]).toEqual([[], [`accepts ${HOME} 1`]])
    for (const key of bench.kms.keys) Object.assign(key, { material: OTHER, bound: OTHER })
    const found = ['material 1: our material, other material, for good']
    expect([await verify(bench.engine), await verify(bench.engine, true)]).toEqual([found, found])
  })

  it.each(['AWS', 'the record'])('which is not known when %s has no name for it', async (who) => {
    const bench = await createDistributed()
    for (const key of bench.kms.keys) Object.assign(key, { material: OTHER, bound: OTHER })
    if (who === 'the record') {
      const ledger = await openLedger<DistributionRecord>(
        bench.store,
        recordPath.distribution('k', 'app'),
      )
      await ledger?.update((current) => {
        const copy = current.copies[1]?.[HOME]
        return copy
          ? { ...current, copies: { 1: { [HOME]: without(copy, 'material_id') } } }
          : current
      })
    }
    const { engine } = saying(bench, ({ materialId }) => ({
      materialId: who === 'AWS' ? undefined : materialId,
    }))
    expect([await verify(engine), await verify(engine, true)]).toEqual([
      [],
      ['material 1: our material, other material, for good'],
    ])
    const { observation } = await verifyDistribution(engine, 'k', 'app', false)
    expect(observation.copies[0]?.holds).toBeUndefined()
  })

  it('though it is disabled, and not while it is pending deletion', async () => {
    const bench = await createSigning()
    const [key] = bench.kms.keys
    Object.assign(key ?? {}, { material: OTHER, enabled: false })
    expect(await verify(bench.engine)).toEqual([
      'state 1: enabled, disabled',
      'material 1: our material, other material, for good',
    ])
    Object.assign(key ?? {}, { deletion: new Date() })
    expect(await verify(bench.engine)).toEqual(['state 1: enabled, pending-deletion'])
  })
})

describe('verify tells', () => {
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

  it('each tag that is missing, and nothing of what is gone', async () => {
    const bench = await createDistributed()
    await rotateKey(bench.engine, 'app')
    for (const name of ['managed-by', 'keymgmt:version']) bench.kms.keys[0]?.tags.delete(name)
    bench.kms.keys.splice(1, 1)
    const { observation, differences } = await verifyDistribution(bench.engine, 'k', 'app', true)
    expect(differences.map(inShort)).toEqual([
      'tags 1: ours, missing or changed: managed-by, keymgmt:version',
      'kms-key 2: exists, deleted, for good',
    ])
    expect(observation.copies[1]).toMatchObject({
      status: undefined,
      wrongTags: [],
      holds: undefined,
    })
  })

  it('nothing of the alias of what is revoked: nobody can use it', async () => {
    const bench = await createDistributed()
    await revokeDistribution(bench.engine, 'k', 'app')
    bench.kms.aliases.clear()
    expect(await verify(bench.engine)).toEqual([])
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
  ])('that there are other Regions: %s', async (_name, multiRegion, found) => {
    const bench = await createDistributed(GLOBAL)
    await replicate(bench.engine, 'k', 'app')
    expect(await verify(saying(bench, () => ({ multiRegion })).engine)).toEqual(found)
  })
})

it('what is damaged in the store is said to be', async () => {
  const bench = await createDistributed()
  const material = await bench.store.get(recordPath.material('app', 1))
  await bench.store.delete(recordPath.material('app', 1), material?.revision ?? '')
  expect(await refusal(verify(bench.engine))).toEqual([
    'STORE_CORRUPT',
    'the material of app version 1 is not in the store',
    'restore the store from a backup; nothing was changed',
  ])
  await bench.store.put(recordPath.key('torn'), Buffer.from('{"id":'), undefined)
  expect(await refusal(rotateKey(bench.engine, 'torn'))).toEqual([
    'STORE_CORRUPT',
    'the record key/torn is not what keymgmt writes',
  ])
})
