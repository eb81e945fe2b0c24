import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { distribute, readInterruption, replicate } from '../../../src/core/operations/distribute.js'
import type { Engine } from '../../../src/core/engine.js'
import { importKey, importVersion } from '../../../src/core/operations/import.js'
import { deleteKey, saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { readDistribution, readKey, requireKey } from '../../../src/core/records/repository.js'
import {
  without,
  type CreatedKmsKey,
  type DistributionRecord,
} from '../../../src/core/records/model.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { archivedOf } from '../../../src/core/records/archive.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { requireKmsKey, withImported } from '../../../src/core/records/kms-keys.js'
import { fingerprintOf, withMaterial } from '../../../src/core/records/material.js'
import { OPERATION_TAG } from '../../../src/kms/kms-key.js'
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
  fail,
  SIGN,
} from './testbed.js'

// The records after each command, which later plans depend on. A command that changes nothing
// writes nothing.

const NOW = new Date(1_688_559_292_173)

async function createRecorded(type: 'aes256-gcm96' | 'ed25519'): Promise<{
  testbed: Testbed
  engine: Engine
  record: DistributionRecord
  kmsKey: CreatedKmsKey
}> {
  const testbed = await createTestbed()
  const engine = { ...testbed.engine, now: () => NOW }
  await saveKey(engine, 'app', { type })
  await distribute(engine, 'k', 'app', type === 'ed25519' ? SIGN : AES)
  const [made] = testbed.kms.keys
  if (!made) throw new Error('there is no KMS key')
  const materialId = (
    await (await testbed.kms.kind.open({ region: HOME, credentials: {} })).inspect(HOME, made.key)
  )?.materialId
  const key = (await requireKey(engine, 'app')).current
  const fingerprint = await withMaterial(testbed.store, key, 1, (material) =>
    fingerprintOf(testbed.store, material),
  )
  const kmsKey: CreatedKmsKey = {
    version: 1,
    region: HOME,
    state: 'created',
    key: made.key,
    operationId: made.tags.get(OPERATION_TAG) ?? '',
    materials: [
      {
        version: 1,
        fingerprint,
        imported: true,
        ...(materialId !== undefined && { materialId }),
      },
    ],
    enabled: true,
  }
  const record: DistributionRecord = {
    name: 'app-1688559292',
    keyId: key.id,
    distributionTime: NOW.toISOString(),
    purpose: type === 'ed25519' ? ['sign', 'verify'] : ['decrypt', 'encrypt'],
    protection: 'hsm',
    regions: [HOME],
    state: 'active',
    observedAt: NOW.toISOString(),
    kmsKeys: [kmsKey],
    aliases: [{ region: HOME, name: 'alias/hashicorp/app-1688559292', state: 'set', version: 1 }],
  }
  return { testbed, engine, record, kmsKey }
}

describe('the records contain', () => {
  it.each([
    ['aes256-gcm96', true],
    ['ed25519', false],
  ] as const)(
    'a distribution of %s, and the same after a removal and a restore',
    async (type, named) => {
      const { testbed, engine, record, kmsKey } = await createRecorded(type)
      expect(await readDistribution(engine, 'k', 'app')).toStrictEqual(record)
      expect('materialId' in (kmsKey.materials[0] ?? {})).toBe(named)
      await revokeDistribution(engine, 'k', 'app')
      expect(await readDistribution(engine, 'k', 'app')).toStrictEqual({
        ...record,
        state: 'revoked',
        kmsKeys: [withImported(without(kmsKey, 'enabled'), false)],
      })
      await restoreDistribution(engine, 'k', 'app')
      expect(await readDistribution(engine, 'k', 'app')).toStrictEqual(record)
      await removeDistribution(engine, 'k', 'app', 9)
      const [archived] = await archivedOf(engine, (await requireKey(engine, 'app')).current)
      const date = (testbed.kms.keys[0]?.deletion as Date).toISOString()
      expect(archived?.record).toStrictEqual({
        ...record,
        state: 'removed',
        removalWindow: 9,
        aliases: [],
        kmsKeys: [{ ...kmsKey, deletion: { date } }],
      })
      await restoreDistribution(engine, 'k', 'app')
      expect(await readDistribution(engine, 'k', 'app')).toStrictEqual(record)
      await saveKey(engine, 'app', { minEnabledVersion: 1 })
      await rotateKey(engine, 'app')
      await saveKey(engine, 'app', { minEnabledVersion: 2 })
      expect((await readDistribution(engine, 'k', 'app'))?.kmsKeys[0]).toStrictEqual({
        ...kmsKey,
        enabled: false,
      })
    },
  )

  it('each version of a key, with its creation time and public key', async () => {
    const { engine } = await createTestbed()
    const at = (ms: number): Engine => ({ ...engine, now: () => new Date(ms) })
    await saveKey(at(1_000), 'app', { type: 'ed25519' })
    const first = (await readKey(engine, 'app'))?.versions[1]
    await rotateKey(at(2_000), 'app')
    expect((await readKey(engine, 'app'))?.versions).toEqual({
      1: first,
      2: {
        creationTime: '1970-01-01T00:00:02.000Z',
        publicKey: expect.stringMatching(/^-----BEGIN PUBLIC KEY/),
        material: { state: 'stored', fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/) },
      },
    })
    expect(first?.creationTime).toBe('1970-01-01T00:00:01.000Z')
    await saveKey(engine, 'bytes', { type: 'aes256-gcm96' })
    expect(Object.keys((await readKey(engine, 'bytes'))?.versions[1] ?? {})).toEqual([
      'creationTime',
      'material',
    ])
  })

  it('the KMS key of every version, without which no command works', async () => {
    const { engine } = await createDistributed()
    const current = await readDistribution(engine, 'k', 'app')
    if (!current) throw new Error('there is no distribution')
    for (const [version, region] of [
      [1, 'eu-west-1'],
      [2, HOME],
    ] as const) {
      expect(() =>
        requireKmsKey({ path: 'distribution/k/app', current }, { version, region }),
      ).toThrow(
        expect.objectContaining({
          code: 'STORE_CORRUPT',
          message: `distribution/k/app has no KMS key for version ${version} in ${region}`,
        }),
      )
    }
  })

  it('a single-Region KMS key if the key has no replica Regions, else a multi-Region one', async () => {
    const one = await createDistributed()
    const several = await createDistributed(GLOBAL)
    expect([one, several].map(({ kms }) => kms.keys[0]?.request.multiRegion)).toEqual([false, true])
  })
})

describe('nothing is written, or changed in the KMS, by', () => {
  it.each<
    readonly [
      string,
      readonly ((engine: Engine) => Promise<unknown>)[],
      (engine: Engine) => Promise<unknown>,
    ]
  >([
    [
      'the same settings of a key',
      [],
      (engine) =>
        saveKey(engine, 'app', {
          deletionAllowed: false,
          minEnabledVersion: 1,
          replicaRegions: ['us-east-1', 'eu-west-1'],
        }),
    ],
    [
      'the same replication',
      [(engine) => replicate(engine, 'k', 'app')],
      (engine) => replicate(engine, 'k', 'app'),
    ],
    [
      'the same distribution',
      [(engine) => distribute(engine, 'k', 'app', { ...AES, versionAliases: true })],
      (engine) => distribute(engine, 'k', 'app', { ...AES, versionAliases: true }),
    ],
    [
      'the same revocation',
      [(engine) => revokeDistribution(engine, 'k', 'app')],
      (engine) => revokeDistribution(engine, 'k', 'app'),
    ],
    ['a restoration of what is there', [], (engine) => restoreDistribution(engine, 'k', 'app')],
    [
      'a removal of what is removed',
      [(engine) => removeDistribution(engine, 'k', 'app')],
      (engine) => removeDistribution(engine, 'k', 'app'),
    ],
  ])('%s', async (_name, prepare, step) => {
    const testbed = await createDistributed({ replicaRegions: ['us-east-1', 'eu-west-1'] })
    for (const each of prepare) await each(testbed.engine)
    const { engine, written, calls } = recorded(testbed)
    await step(engine)
    expect([written, calls]).toEqual([[], []])
  })
})

describe('a removal that was interrupted', () => {
  const createRemoving = async (type: 'aes256-gcm96' | 'rsa-2048') => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type })
    await distribute(testbed.engine, 'k', 'app', AES)
    expect(
      await refusal(
        removeDistribution(recorded(testbed, () => ({ removeAlias: fail })).engine, 'k', 'app', 7),
      ),
    ).toEqual([
      'KMS_FAILED',
      'failed',
      'to finish the removal: keymgmt delete keymgmt/kms/k/key/app',
      'to reverse it: keymgmt write -f keymgmt/kms/k/key/app/restore',
    ])
    return testbed
  }

  it('is finished with its first settings', async () => {
    const { calls, engine } = recorded(await createRemoving('aes256-gcm96'))
    expect(await readInterruption(engine, 'k', 'app')).toBe('removal')
    await removeDistribution(engine, 'k', 'app', 20)
    expect(calls).toEqual([`removeAlias ${HOME} app-TIME`, `scheduleDeletion ${HOME} 1 7`])
    expect(await readInterruption(engine, 'k', 'app')).toBeUndefined()
  })

  it("can't become a revocation", async () => {
    const { engine } = await createRemoving('aes256-gcm96')
    expect((await refusal(revokeDistribution(engine, 'k', 'app'))).slice(0, 2)).toEqual([
      'DISTRIBUTION_DIFFERS',
      'the removal of app in k was started and did not finish',
    ])
  })

  it('prevents a distribution for another purpose', async () => {
    const testbed = await createRemoving('rsa-2048')
    expect(await refusal(distribute(testbed.engine, 'k', 'app', SIGN))).toEqual([
      'DISTRIBUTION_DIFFERS',
      'the removal of app in k was started and did not finish',
      'to finish the removal: keymgmt delete keymgmt/kms/k/key/app',
      'to reverse it: keymgmt write -f keymgmt/kms/k/key/app/restore',
    ])
    expect(testbed.kms.keys.map(({ deletion }) => deletion)).toEqual([undefined])
  })

  it('is reversed by distributing the key for the same purpose', async () => {
    const testbed = await createRemoving('aes256-gcm96')
    await distribute(testbed.engine, 'k', 'app', AES)
    expect(testbed.notices).toContain('Reversing the unfinished removal of app from k')
    expect(await findProblems(testbed)).toEqual([])
  })
})

it('a distribution that is missing or complete is not interrupted', async () => {
  const { engine } = await createDistributed()
  expect([
    await readInterruption(engine, 'k', 'none'),
    await readInterruption(engine, 'none', 'app'),
    await readInterruption(engine, 'k', 'app'),
  ]).toEqual([undefined, undefined, undefined])
})

describe('a key', () => {
  it('that is distributed to several providers is not deleted, and the error names each of them', async () => {
    const { engine } = await createDistributed({ deletionAllowed: true })
    await saveProvider(engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
    await distribute(engine, 'other', 'app', AES)
    expect(await refusal(deleteKey(engine, 'app'))).toEqual([
      'KEY_IN_USE',
      'app is distributed to k, other',
      'to remove it from k: keymgmt delete keymgmt/kms/k/key/app',
      'to remove it from other: keymgmt delete keymgmt/kms/other/key/app',
      'if k can never be reached again: keymgmt write -f keymgmt/kms/k/key/app/forget allow_orphans=true',
    ])
  })

  it('is needed while AWS has one of its KMS keys', async () => {
    const testbed = await createDistributed({ deletionAllowed: true })
    await rotateKey(testbed.engine, 'app')
    let deleted = 0
    const half = recorded(testbed, (provider) => ({
      deleteMaterial: (region, key) =>
        deleted++ > 0 ? fail() : provider.deleteMaterial(region, key),
    }))
    expect((await refusal(revokeDistribution(half.engine, 'k', 'app'))).slice(0, 2)).toEqual([
      'KMS_FAILED',
      'failed',
    ])
    await removeDistribution(testbed.engine, 'k', 'app')
    expect((await refusal(deleteKey(testbed.engine, 'app')))[1]).toContain('can be restored')
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is deleted although its material is gone', async () => {
    const { engine, store } = await createTestbed()
    await saveKey(engine, 'app', { type: 'aes256-gcm96', deletionAllowed: true })
    const get = (path: string) =>
      path.startsWith('material/') ? Promise.resolve(undefined) : store.get(path)
    await deleteKey({ ...engine, store: { ...store, get } }, 'app')
    expect(await readKey(engine, 'app')).toBeUndefined()
  })

  it('accepts only material of its own type, even if the bytes are the same', async () => {
    const material = randomBytes(32)
    const { engine } = await createTestbed()
    await importKey(engine, 'app', { material, type: 'aes256-gcm96' }, {})
    expect(await refusal(importVersion(engine, 'app', { material, type: 'hmac-sha256' }))).toEqual([
      'FIELD_INVALID',
      'the material is of type hmac-sha256, and app is of type aes256-gcm96',
      'import it as another key: keymgmt write keymgmt/key/app-2/import material=@FILE',
    ])
    expect(
      (await refusal(importKey(engine, 'app', { material, type: 'hmac-sha256' }, {})))[0],
    ).toBe('KEY_EXISTS')
    expect((await readKey(engine, 'app'))?.latestVersion).toBe(1)
  })
})
