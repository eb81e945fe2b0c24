import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { importKey, importVersion } from '../../../src/core/operations/import.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { readKey } from '../../../src/core/records/repository.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { KEY_TYPES } from '../../../src/crypto/key-types.js'
import { AES, createTestbed, GLOBAL, HOME, refusal, shown, createForeignKmsKey } from './testbed.js'

describe("the user's own material", () => {
  const [one, two] = [randomBytes(32), randomBytes(32)]

  it('becomes a key, and its versions', async () => {
    const testbed = await createTestbed()
    expect(
      await importKey(
        testbed.engine,
        'app',
        { material: one, type: 'aes256-gcm96' },
        { deletionAllowed: true, replicaRegions: [] },
      ),
    ).toEqual({ type: 'aes256-gcm96', format: 'raw' })
    await importKey(testbed.engine, 'app', { material: one, type: 'aes256-gcm96' }, {})
    await distribute(testbed.engine, 'k', 'app', AES)
    await importVersion(testbed.engine, 'app', { material: two })
    await importVersion(testbed.engine, 'app', { material: two })
    expect(await readKey(testbed.engine, 'app')).toMatchObject({
      latestVersion: 2,
      deletionAllowed: true,
    })
    expect(testbed.kms.keys.map(({ material }) => material)).toEqual(
      [one, two].map((bytes) => bytes.toString('base64')),
    )
    expect(await refusal(importVersion(testbed.engine, 'app', { material: one }))).toEqual([
      'FIELD_INVALID',
      'version 1 of app has this material already',
      "an earlier version can't become the latest one again: import other material",
    ])
    expect(
      await refusal(importKey(testbed.engine, 'app', { material: two, type: 'aes256-gcm96' }, {})),
    ).toEqual([
      'KEY_EXISTS',
      'key "app" already exists, with other material',
      'to add the material as its next version: keymgmt write keymgmt/key/app/import_version material=@FILE',
      'to import it as another key: keymgmt write keymgmt/key/app-2/import material=@FILE',
    ])
  })

  it('may differ in length from the previous version', async () => {
    const testbed = await createTestbed()
    const generate = () => KEY_TYPES['rsa-2048'].generate()
    const first = await generate()
    let other = await generate()
    while (other.length === first.length) other = await generate()
    await importKey(testbed.engine, 'app', { material: first }, {})
    await importVersion(testbed.engine, 'app', { material: other })
    expect(await readKey(testbed.engine, 'app')).toMatchObject({
      type: 'rsa-2048',
      latestVersion: 2,
    })
  })

  it('is adopted if a KMS key has it already', async () => {
    const testbed = await createTestbed()
    await importKey(testbed.engine, 'app', { material: one, type: 'aes256-gcm96' }, {})
    const { provider, made } = await createForeignKmsKey(testbed)
    const adoption = { kmsKeyId: made.id, version: 1 }
    expect(await refusal(adopt(testbed.engine, 'k', 'app', adoption))).toEqual([
      'FIELD_INVALID',
      `KMS key ${made.id} is pending-import`,
      'it must be enabled or disabled, and contain its material',
    ])
    await provider.importMaterial(HOME, made, 'aes256-gcm96', two)
    expect((await refusal(adopt(testbed.engine, 'k', 'app', adoption)))[0]).toBe(
      'KMS_MATERIAL_DIFFERS',
    )
    expect(await refusal(adopt(testbed.engine, 'k', 'app', { ...adoption, version: 2 }))).toEqual([
      'FIELD_INVALID',
      'app has no version 2',
      'use 1 to 1',
    ])
    expect(await refusal(adopt(testbed.engine, 'k', 'app', { ...adoption, version: 0 }))).toEqual([
      'FIELD_INVALID',
      'app has no version 0',
      'use 1 to 1',
    ])
    expect(
      await refusal(adopt(testbed.engine, 'k', 'app', { kmsKeyId: 'none', version: 1 })),
    ).toEqual([
      'KMS_KEY_NOT_FOUND',
      `there is no KMS key none in ${HOME}`,
      'check key_id, the Region, and the account of the credentials: keymgmt read keymgmt/kms/k/identity',
    ])
    const [foreign] = testbed.kms.keys
    Object.assign(foreign ?? {}, {
      material: one.toString('base64'),
      bound: one.toString('base64'),
      enabled: false,
    })
    await adopt(testbed.engine, 'k', 'app', adoption)
    await adopt(testbed.engine, 'k', 'app', { kmsKeyId: made.arn, version: 1 })
    expect(shown(testbed)).toEqual([
      `foreign ${HOME} enabled`,
      `${HOME} alias/hashicorp/app-TIME is foreign`,
    ])
    expect(foreign?.tags.get('keymgmt:key')).toBe('app')
    expect((await verifyDistribution(testbed.engine, 'k', 'app', true)).differences).toEqual([])
    expect(
      (await refusal(adopt(testbed.engine, 'k', 'app', { kmsKeyId: 'other', version: 1 })))[0],
    ).toBe('DISTRIBUTION_DIFFERS')
  })

  it('is adopted only into a key of the same kind', async () => {
    const testbed = await createTestbed()
    const { provider, made } = await createForeignKmsKey(testbed, { multiRegion: true })
    await provider.importMaterial(HOME, made, 'aes256-gcm96', one)
    await importKey(testbed.engine, 'app', { material: one, type: 'aes256-gcm96' }, {})
    await saveKey(testbed.engine, 'pair', { type: 'ed25519' })
    const adoption = { kmsKeyId: made.id, version: 1 }
    expect(await refusal(adopt(testbed.engine, 'k', 'pair', adoption))).toEqual([
      'FIELD_INVALID',
      `KMS key ${made.id} is not of type ed25519`,
      'it is of type aes256-gcm96',
    ])
    expect(await refusal(adopt(testbed.engine, 'k', 'app', adoption))).toEqual([
      'FIELD_INVALID',
      `KMS key ${made.id} is a multi-Region key`,
      'the key app has no replica_regions',
    ])
    await importKey(testbed.engine, 'wide', { material: one, type: 'aes256-gcm96' }, GLOBAL)
    await provider.replicate(made, 'eu-west-1', {
      type: 'aes256-gcm96',
      purpose: [],
      multiRegion: true,
      description: '',
      tags: {},
    })
    expect(await refusal(adopt(testbed.engine, 'k', 'wide', adoption))).toEqual([
      'FIELD_INVALID',
      `KMS key ${made.id} has replicas in eu-west-1`,
      'a multi-Region KMS key can be adopted only without replicas',
    ])
  })
})
