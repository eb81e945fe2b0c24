import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { importKey } from '../../../src/core/operations/import.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { fingerprintOf } from '../../../src/core/records/material.js'
import { recordPath } from '../../../src/core/records/model.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  OPERATION_TAG,
  STORE_TAG,
  type KmsKey,
  type KmsKeyRequest,
  type KmsKeyStatus,
} from '../../../src/kms/kms-key.js'
import {
  AES,
  findProblems,
  createTestbed,
  DAY_MS,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type Testbed,
  withStatus,
  createForeignKmsKey,
} from './testbed.js'

const one = randomBytes(32)

/** A testbed with a key `app` and a foreign KMS key that has its material. */
async function createForeignKey(
  change: Partial<KmsKeyRequest> = {},
  settings: Parameters<typeof importKey>[3] = {},
): Promise<Testbed & { readonly made: KmsKey }> {
  const testbed = await createTestbed()
  await importKey(testbed.engine, 'app', { material: one, type: 'aes256-gcm96' }, settings)
  const { provider, made } = await createForeignKmsKey(testbed, {
    description: 'keymgmt app version foreign',
    ...change,
  })
  await provider.importMaterial(HOME, made, 'aes256-gcm96', one)
  return { ...testbed, made }
}

describe('a KMS key is adopted', () => {
  it('with only the necessary calls, and is recorded', async () => {
    const testbed = await createForeignKey()
    const { engine, calls } = recorded(testbed)
    const now = new Date(1_688_559_292_173)
    await adopt({ ...engine, now: () => now }, 'k', 'app', {
      kmsKeyId: testbed.made.id,
      version: 1,
    })
    expect(calls).toEqual([
      `accepts ${HOME} foreign`,
      `tag ${HOME} foreign`,
      `pointAlias ${HOME} app-TIME foreign (new)`,
    ])
    const alias = 'alias/hashicorp/app-1688559292'
    expect(await readDistribution(engine, 'k', 'app')).toMatchObject({
      purpose: ['decrypt', 'encrypt'],
      protection: 'hsm',
      regions: [HOME],
      state: 'active',
      aliases: [{ region: HOME, name: alias, state: 'set', version: 1 }],
    })
    const materialId = (
      await (
        await testbed.kms.kind.open({ region: HOME, credentials: {} })
      ).inspect(HOME, testbed.made)
    )?.materialId
    const fingerprint = await fingerprintOf(testbed.store, one)
    expect((await readDistribution(engine, 'k', 'app'))?.kmsKeys).toEqual([
      {
        version: 1,
        region: HOME,
        state: 'created',
        key: testbed.made,
        materials: [{ version: 1, fingerprint, materialId, imported: true }],
        enabled: true,
      },
    ])
    expect(testbed.kms.keys[0]?.tags.has(OPERATION_TAG)).toBe(false)
    expect(await findProblems(testbed)).toEqual([])
  })

  it('with its expiry, which only consent removes', async () => {
    const testbed = await createForeignKey()
    const [kmsKey] = testbed.kms.keys
    if (!kmsKey) throw new Error('there is no KMS key')
    const validTo = new Date(Date.now() + DAY_MS)
    kmsKey.expires = validTo
    await adopt(testbed.engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 })
    expect(kmsKey.expires).toEqual(validTo)
    // The material expires.
    Object.assign(kmsKey, { material: undefined, expires: undefined })
    const engine = { ...testbed.engine, now: () => new Date(validTo.getTime() + 1) }
    const { differences } = await verifyDistribution(engine, 'k', 'app', false)
    expect(differences).toMatchObject([
      {
        what: 'state',
        found: `expired at ${validTo.toISOString()}`,
        repairable: false,
        nextStep:
          'to choose a new expiry (ttl=0 is none): keymgmt write keymgmt/kms/k/key/app/renew ttl=30d',
      },
    ])
    const quiet = recorded(testbed)
    const repair = await repairDistribution({ ...quiet.engine, now: engine.now }, 'k', 'app')
    expect([repair.repaired, repair.remaining, quiet.calls]).toEqual([[], differences, []])
    await repairDistribution(engine, 'k', 'app', { allowPermanent: true })
    expect(kmsKey).toMatchObject({ material: kmsKey.bound, expires: undefined, enabled: true })
    expect(await findProblems(testbed)).toEqual([])
  })

  it('as one of several versions, disabled if that version is', async () => {
    const testbed = await createForeignKey()
    await rotateKey(testbed.engine, 'app')
    await saveKey(testbed.engine, 'app', { minEnabledVersion: 2 })
    for (const key of testbed.kms.keys) key.enabled = false
    const { engine, calls } = recorded(testbed)
    await adopt(engine, 'k', 'app', { kmsKeyId: testbed.made.arn, version: 1 })
    expect(calls).toEqual([
      `accepts ${HOME} foreign`,
      'create 2',
      `importMaterial ${HOME} 2`,
      `tag ${HOME} foreign`,
      `pointAlias ${HOME} app-TIME 2 (new)`,
    ])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('if AWS does not identify its material, or reveals its public key', async () => {
    const testbed = await createForeignKey()
    await adopt(withStatus(testbed, () => ({ materialId: undefined })).engine, 'k', 'app', {
      kmsKeyId: testbed.made.id,
      version: 1,
    })
    const [entry] = (await readDistribution(testbed.engine, 'k', 'app'))?.kmsKeys ?? []
    expect(entry).toMatchObject({ state: 'created', enabled: true })
    expect(entry).not.toHaveProperty('materials.0.materialId')
    const other = await createForeignKey()
    const shows = recorded(other, () => ({ holds: () => Promise.resolve(true) }))
    await adopt(shows.engine, 'k', 'app', { kmsKeyId: other.made.id, version: 1 })
    expect(shows.calls).not.toContain(`accepts ${HOME} foreign`)
  })

  it('if it is multi-Region without a replica', async () => {
    const testbed = await createForeignKey({ multiRegion: true }, GLOBAL)
    await adopt(testbed.engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 })
    expect(await findProblems(testbed)).toEqual([])
  })

  it('only once: a repetition finishes an interrupted adoption without another proof', async () => {
    const testbed = await createForeignKey()
    const failing = recorded(testbed, () => ({
      tag: () => Promise.reject(new KeymgmtError('KMS_FAILED', 'failed')),
    }))
    expect(
      await refusal(adopt(failing.engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 })),
    ).toEqual(['KMS_FAILED', 'failed'])
    for (const [keyId, calls] of [
      [testbed.made.arn, ['tag']],
      [testbed.made.id, []],
    ] as const) {
      const run = recorded(testbed)
      await adopt(run.engine, 'k', 'app', { kmsKeyId: keyId, version: 1 })
      expect(run.calls.map((call) => call.split(' ')[0])).toEqual(calls)
    }
  })
})

describe('a KMS key is refused, without any change,', () => {
  it.each<readonly [string, Partial<KmsKeyStatus>, readonly string[]]>([
    [
      'whose material AWS made',
      { external: false },
      [
        'has material that AWS generated',
        'only KMS keys with imported material (Origin EXTERNAL) can be adopted',
      ],
    ],
    [
      'of a kind that we do not have',
      { kind: undefined },
      ['is not of type aes256-gcm96', 'it is of a type that keymgmt does not have'],
    ],
    [
      'that has replicas',
      { multiRegion: { primary: HOME, regions: [HOME, 'eu-west-1', 'us-east-1'] } },
      [
        'has replicas in eu-west-1, us-east-1',
        'a multi-Region KMS key can be adopted only without replicas',
      ],
    ],
    [
      'that is unavailable',
      { state: 'unavailable' },
      ['is unavailable', 'it must be enabled or disabled, and contain its material'],
    ],
  ])('%s', async (_name, status, [problem, hint]) => {
    const testbed = await createForeignKey()
    const { engine, calls } = withStatus(testbed, () => status)
    expect(
      await refusal(adopt(engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 })),
    ).toEqual(['FIELD_INVALID', `KMS key ${testbed.made.id} ${problem}`, hint])
    expect([calls, await readDistribution(engine, 'k', 'app')]).toEqual([[], undefined])
  })

  it('if it is single-Region and the key is not', async () => {
    const testbed = await createForeignKey({}, GLOBAL)
    expect(
      await refusal(adopt(testbed.engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 })),
    ).toEqual([
      'FIELD_INVALID',
      `KMS key ${testbed.made.id} is a single-Region key`,
      'the key app has replica_regions',
    ])
  })

  it('if it has other material', async () => {
    const testbed = await createForeignKey()
    const other = randomBytes(32).toString('base64')
    for (const key of testbed.kms.keys) Object.assign(key, { material: other, bound: other })
    expect(
      await refusal(adopt(testbed.engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 })),
    ).toEqual([
      'KMS_MATERIAL_DIFFERS',
      `KMS key ${testbed.made.id} (enabled) does not contain version 1 of app`,
      'nothing was changed; import the material of the KMS key as another key: keymgmt write keymgmt/key/app-2/import material=@FILE',
    ])
    expect(await testbed.store.get(recordPath.distribution('k', 'app'))).toBeUndefined()
  })

  describe('if it has an owner:', () => {
    const twin = async () => {
      const testbed = await createForeignKey()
      await importKey(testbed.engine, 'twin', { material: one, type: 'aes256-gcm96' })
      await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: HOME })
      await adopt(testbed.engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 })
      return testbed
    }
    const owned = (id: string, hint: string, removed = '') => [
      'FIELD_INVALID',
      `KMS key ${id} belongs to the ${removed}distribution of app to k`,
      hint,
    ]

    it.each([
      ['k', 'twin'],
      ['other', 'app'],
      ['other', 'twin'],
    ])('a distribution of this store, to %s of %s', async (provider, key) => {
      const testbed = await twin()
      const { engine, calls } = recorded(testbed)
      for (const kmsKeyId of [testbed.made.id, testbed.made.arn]) {
        expect(
          await refusal(adopt(engine, provider, key, { kmsKeyId, version: 1, takeOver: true })),
        ).toEqual(owned(testbed.made.id, 'to see it: keymgmt read keymgmt/kms/k/key/app'))
      }
      expect(calls).toEqual([])
    })

    it('a removed distribution, even after somebody cancelled the deletion', async () => {
      const testbed = await twin()
      await removeDistribution(testbed.engine, 'k', 'app')
      for (const key of testbed.kms.keys) key.deletion = undefined
      const hint = 'to bring it back: keymgmt write -f keymgmt/kms/k/key/app/restore'
      expect(
        await refusal(
          adopt(testbed.engine, 'k', 'twin', { kmsKeyId: testbed.made.id, version: 1 }),
        ),
      ).toEqual(owned(testbed.made.id, hint, 'removed '))
    })

    it('one of two commands that adopt it at once', async () => {
      const testbed = await createForeignKey()
      await importKey(testbed.engine, 'twin', { material: one, type: 'aes256-gcm96' })
      await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: HOME })
      const adopted = await Promise.allSettled([
        adopt(testbed.engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 }),
        adopt(testbed.engine, 'other', 'twin', { kmsKeyId: testbed.made.id, version: 1 }),
      ])
      expect(adopted.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    it('another store, unless it is to be taken over', async () => {
      const testbed = await createForeignKey({ tags: { [STORE_TAG]: 'other-store' } })
      const { engine, calls } = recorded(testbed)
      const adoption = { kmsKeyId: testbed.made.id, version: 1 }
      expect(await refusal(adopt(engine, 'k', 'app', adoption))).toEqual([
        'FIELD_INVALID',
        `KMS key ${testbed.made.id} belongs to another keymgmt store, according to its tag keymgmt:store=other-store`,
        'first drop it from that store: a removal there schedules the deletion of this KMS key',
        'if that store no longer exists, adopt it with take_over=true',
      ])
      expect(calls).toEqual([])
      await adopt(engine, 'k', 'app', { ...adoption, takeOver: true })
      expect(testbed.kms.keys[0]?.tags.get(STORE_TAG)).toBe(await testbed.store.id())
      expect(await findProblems(testbed)).toEqual([])
    })
  })

  it('if the key has another distribution there', async () => {
    const words = [
      'DISTRIBUTION_DIFFERS',
      'app is already distributed to k',
      'import the same material as another key, and adopt the KMS key there',
    ]
    const testbed = await createForeignKey()
    const { engine } = testbed
    const attempt = (keyId: string, version: number) =>
      refusal(adopt(engine, 'k', 'app', { kmsKeyId: keyId, version }))
    await distribute(engine, 'k', 'app', AES)
    expect(await attempt(testbed.made.id, 1)).toEqual(words)
    expect(await attempt(testbed.made.id, 7)).toEqual(words)
    await removeDistribution(engine, 'k', 'app')
    await adopt({ ...engine, now: () => new Date(Date.now() + 2_000) }, 'k', 'app', {
      kmsKeyId: testbed.made.id,
      version: 1,
    })
    await rotateKey(engine, 'app')
    expect(await attempt(testbed.made.id, 2)).toEqual(words)
    await revokeDistribution(engine, 'k', 'app')
    expect(await attempt(testbed.made.id, 1)).toEqual(words)
    await restoreDistribution(engine, 'k', 'app')
    await adopt(engine, 'k', 'app', { kmsKeyId: testbed.made.id, version: 1 })
  })
})
