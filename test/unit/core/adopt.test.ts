import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { importKey } from '../../../src/core/operations/import.js'
import { rotateKey, saveKey } from '../../../src/core/operations/keys.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { recordPath } from '../../../src/core/records/model.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsKey, KmsKeyRequest, KmsKeyStatus } from '../../../src/kms/provider.js'
import {
  AES,
  complaints,
  createBench,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type CoreBench,
} from './bench.js'

const one = randomBytes(32)

/** A bench with a key `app` and a KMS key that holds its material and that we did not make. */
async function createStranger(
  change: Partial<KmsKeyRequest> = {},
  settings: Parameters<typeof importKey>[3] = {},
): Promise<CoreBench & { readonly made: KmsKey }> {
  const bench = await createBench()
  await importKey(bench.engine, 'app', { material: one, type: 'aes256-gcm96' }, settings)
  const provider = await bench.kms.kind.open({ region: HOME, credentials: {} })
  const made = await provider.create({
    type: 'aes256-gcm96',
    purpose: ['decrypt', 'encrypt'],
    multiRegion: false,
    description: 'keymgmt app version stranger',
    tags: {},
    ...change,
  })
  await provider.importMaterial(HOME, made, 'aes256-gcm96', one)
  return { ...bench, made }
}

/** The KMS says this of the KMS key besides. */
const saying = (bench: CoreBench, status: Partial<KmsKeyStatus>) =>
  recorded(bench, (provider) => ({
    inspect: async (region, key) => {
      const known = await provider.inspect(region, key)
      return known && { ...known, ...status }
    },
  }))

describe('a KMS key is adopted', () => {
  it('with the calls that it takes, and is on record as what it is', async () => {
    const bench = await createStranger()
    const { engine, calls } = recorded(bench)
    const now = new Date(1_688_559_292_173)
    await adopt({ ...engine, now: () => now }, 'k', 'app', { key_id: bench.made.id, version: 1 })
    expect(calls).toEqual([
      `accepts ${HOME} stranger`,
      `tag ${HOME} stranger`,
      `pointAlias ${HOME} app-TIME stranger (new)`,
    ])
    const alias = 'alias/hashicorp/app-1688559292'
    expect(await readDistribution(engine, 'k', 'app')).toMatchObject({
      purpose: ['decrypt', 'encrypt'],
      protection: 'hsm',
      regions: [HOME],
      state: 'active',
      aliases: { [HOME]: { [alias]: { version: 1, ours: true } } },
    })
    const material_id = (
      await (await bench.kms.kind.open({ region: HOME, credentials: {} })).inspect(HOME, bench.made)
    )?.materialId
    expect((await readDistribution(engine, 'k', 'app'))?.copies).toEqual({
      1: {
        [HOME]: {
          operation_id: '',
          begun: now.toISOString(),
          key: bench.made,
          imported: true,
          material_id,
          enabled: true,
        },
      },
    })
    expect(await complaints(bench)).toEqual([])
  })

  it('as one version of several, disabled where that version is', async () => {
    const bench = await createStranger()
    await rotateKey(bench.engine, 'app')
    await saveKey(bench.engine, 'app', { min_enabled_version: 2 })
    for (const key of bench.kms.keys) key.enabled = false
    const { engine, calls } = recorded(bench)
    await adopt(engine, 'k', 'app', { key_id: bench.made.arn, version: 1 })
    expect(calls).toEqual([
      `accepts ${HOME} stranger`,
      'create 2',
      `importMaterial ${HOME} 2`,
      `tag ${HOME} stranger`,
      `pointAlias ${HOME} app-TIME 2 (new)`,
    ])
    expect(await complaints(bench)).toEqual([])
  })

  it('whose material AWS has no name for, or which shows its material by itself', async () => {
    const bench = await createStranger()
    await adopt(saying(bench, { materialId: undefined }).engine, 'k', 'app', {
      key_id: bench.made.id,
      version: 1,
    })
    expect(
      Object.keys((await readDistribution(bench.engine, 'k', 'app'))?.copies[1]?.[HOME] ?? {}),
    ).toEqual(['operation_id', 'begun', 'key', 'imported', 'enabled'])
    const other = await createStranger()
    const shows = recorded(other, () => ({ holds: () => Promise.resolve(true) }))
    await adopt(shows.engine, 'k', 'app', { key_id: other.made.id, version: 1 })
    expect(shows.calls).not.toContain(`accepts ${HOME} stranger`)
  })

  it('of several Regions for as long as it is in one', async () => {
    const bench = await createStranger({ multiRegion: true }, GLOBAL)
    await adopt(bench.engine, 'k', 'app', { key_id: bench.made.id, version: 1 })
    expect(await complaints(bench)).toEqual([])
  })

  it('once: asked for again, what was interrupted is finished, and nothing proven anew', async () => {
    const bench = await createStranger()
    const lame = recorded(bench, () => ({
      tag: () => Promise.reject(new KeymgmtError('KMS_FAILED', 'lame')),
    }))
    expect(
      await refusal(adopt(lame.engine, 'k', 'app', { key_id: bench.made.id, version: 1 })),
    ).toEqual(['KMS_FAILED', 'lame'])
    for (const [key_id, calls] of [
      [bench.made.arn, ['tag', 'pointAlias']],
      [bench.made.id, []],
    ] as const) {
      const run = recorded(bench)
      await adopt(run.engine, 'k', 'app', { key_id, version: 1 })
      expect(run.calls.map((call) => call.split(' ')[0])).toEqual(calls)
    }
  })
})

describe('a KMS key is not adopted, and nothing is changed,', () => {
  it.each<readonly [string, Partial<KmsKeyStatus>, readonly string[]]>([
    [
      'whose material AWS made',
      { external: false },
      [
        'has material that AWS made',
        'only KMS keys with imported material (Origin EXTERNAL) can be adopted',
      ],
    ],
    [
      'of a kind that we do not have',
      { kind: undefined },
      ['is not of type aes256-gcm96', 'it is of a kind that keymgmt does not have'],
    ],
    [
      'that has replicas',
      { multiRegion: { primary: HOME, regions: [HOME, 'eu-west-1', 'us-east-1'] } },
      [
        'has replicas in eu-west-1, us-east-1',
        'a multi-Region KMS key can be adopted as long as it has none',
      ],
    ],
    [
      'that is unavailable',
      { state: 'unavailable' },
      ['is unavailable', 'it must be enabled or disabled, with its material in it'],
    ],
  ])('%s', async (_name, status, [problem, hint]) => {
    const bench = await createStranger()
    const { engine, calls } = saying(bench, status)
    expect(await refusal(adopt(engine, 'k', 'app', { key_id: bench.made.id, version: 1 }))).toEqual(
      ['FIELD_INVALID', `KMS key ${bench.made.id} ${problem}`, hint],
    )
    expect([calls, await readDistribution(engine, 'k', 'app')]).toEqual([[], undefined])
  })

  it('that is in one Region, into a key of several', async () => {
    const bench = await createStranger({}, GLOBAL)
    expect(
      await refusal(adopt(bench.engine, 'k', 'app', { key_id: bench.made.id, version: 1 })),
    ).toEqual([
      'FIELD_INVALID',
      `KMS key ${bench.made.id} is a single-Region key`,
      'the key app has replica_regions',
    ])
  })

  it('that holds other material', async () => {
    const bench = await createStranger()
    const other = randomBytes(32).toString('base64')
    for (const key of bench.kms.keys) Object.assign(key, { material: other, bound: other })
    expect(
      await refusal(adopt(bench.engine, 'k', 'app', { key_id: bench.made.id, version: 1 })),
    ).toEqual([
      'KMS_MATERIAL_DIFFERS',
      `KMS key ${bench.made.id} (enabled) does not hold version 1 of app`,
      'nothing was changed; import the material that it was made with first: keymgmt write keymgmt/key/NAME/import material=@file',
    ])
    expect(await bench.store.get(recordPath.distribution('k', 'app'))).toBeUndefined()
  })

  it('where the key is distributed otherwise', async () => {
    const words = [
      'DISTRIBUTION_DIFFERS',
      'app is distributed to k already',
      'adopt the KMS key under another key of the same material',
    ]
    const bench = await createStranger()
    const { engine } = bench
    const attempt = (key_id: string, version: number) =>
      refusal(adopt(engine, 'k', 'app', { key_id, version }))
    await distribute(engine, 'k', 'app', AES)
    expect(await attempt(bench.made.id, 1)).toEqual(words)
    expect(await attempt(bench.made.id, 7)).toEqual(words)
    await removeDistribution(engine, 'k', 'app')
    await adopt({ ...engine, now: () => new Date(Date.now() + 2_000) }, 'k', 'app', {
      key_id: bench.made.id,
      version: 1,
    })
    await rotateKey(engine, 'app')
    expect(await attempt(bench.made.id, 2)).toEqual(words)
    await revokeDistribution(engine, 'k', 'app')
    expect(await attempt(bench.made.id, 1)).toEqual(words)
    await restoreDistribution(engine, 'k', 'app')
    await adopt(engine, 'k', 'app', { key_id: bench.made.id, version: 1 })
  })
})
