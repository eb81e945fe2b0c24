import {
  DescribeKeyCommand,
  CreateKeyCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { findProblems } from '../support/problems.js'
import { CONFIGURE } from '../support/flows.js'
import { copyFolder, createTestbed, type Testbed } from '../support/keymgmt.js'
import { ownAliases } from '../support/own-aliases.js'

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed({ inProcess: true })
  await testbed.ok(CONFIGURE)
})
afterEach(() => testbed.close())

const PATH = 'keymgmt/kms/k/key/app'
const json = async <T>(line: string) =>
  (JSON.parse(await testbed.ok(`${line} -format=json`)) as { data: T }).data
const firstId = async (path = PATH) =>
  (await json<{ versions: Record<string, string> }>(`read ${path}`)).versions['1'] ?? ''

describe('adoption', () => {
  /** Creates a KMS key with the material of `app` that the store does not know. */
  const orphan = async (type: string, purpose: string) => {
    const home = join(testbed.home, 'keymgmt')
    await testbed.ok(`write -f keymgmt/key/app type=${type}`)
    copyFolder(home, `${home}-before`)
    await testbed.ok(`write ${PATH} purpose=${purpose}`)
    const id = await firstId()
    rmSync(home, { recursive: true })
    copyFolder(`${home}-before`, home)
    return id
  }

  describe('of a KMS key that was rotated in place', () => {
    const materials = [randomBytes(32), randomBytes(32)].map((bytes) => bytes.toString('hex'))
    const [one = '', two = ''] = materials
    /** Creates a KMS key with both materials, of another key of the store. */
    const rotated = async () => {
      await testbed.ok(`write keymgmt/key/other/import type=aes256-gcm96 material=${one}`)
      const other = 'keymgmt/kms/k/key/other'
      await testbed.ok(`write ${other} purpose=encrypt,decrypt rotation=in_place`)
      await testbed.ok(`write keymgmt/key/other/import_version material=${two}`)
      const id = await firstId(other)
      await testbed.ok(`write ${other}/forget allow_orphans=true`)
      return id
    }

    it('takes all of its materials, and rotates it further under the same ARN', async () => {
      const id = await rotated()
      await testbed.ok(`write keymgmt/key/app/import type=aes256-gcm96 material=${one}`)
      await testbed.ok(`write keymgmt/key/app/import_version material=${two}`)
      const { stderr } = await testbed.run(`write ${PATH}/adopt key_id=${id}`)
      const [, hint = ''] = /adopt all of them: keymgmt (.*)/.exec(stderr) ?? []
      await testbed.ok(hint)
      await testbed.ok('write -f keymgmt/key/app/rotate')
      expect(await json(`read ${PATH}`)).toMatchObject({
        rotation: 'in_place',
        rotations_used: 2,
        versions: { 1: id, 2: id, 3: id },
      })
      await testbed.ok(`write -f ${PATH}/revoke`)
      await testbed.ok(`write -f ${PATH}/restore`)
      await testbed.ok(`read ${PATH}/verify challenge=true`)
      expect((await testbed.client().send(new ListKeysCommand({}))).Keys).toHaveLength(1)
    })

    it('is refused if the store lacks a material, or has them in another order', async () => {
      const id = await rotated()
      const adopt = `write ${PATH}/adopt key_id=${id}`
      await testbed.ok(`write keymgmt/key/app/import type=aes256-gcm96 material=${one}`)
      const before = testbed.requests.length
      expect((await testbed.run(adopt)).stderr).toContain(
        `KMS key ${id} has 2 materials: it was rotated in place`,
      )
      expect((await testbed.run(`${adopt} rotation=in_place`)).stderr).toContain(
        `KMS key ${id} has 2 materials, and app has 1 version from version 1 up`,
      )
      expect(
        testbed.requests.slice(before).filter((each) => each.operation === 'ImportKeyMaterial'),
      ).toEqual([])
      await testbed.ok('write -f keymgmt/key/app/rotate')
      const { status, stderr } = await testbed.run(`${adopt} rotation=in_place`)
      expect([status, stderr]).toEqual([
        2,
        expect.stringContaining(`KMS key ${id} (enabled) does not contain version 2 of app`),
      ])
    })

    it('starts with a KMS key that has one material', async () => {
      const id = await orphan('aes256-gcm96', 'encrypt,decrypt')
      await testbed.ok('write -f keymgmt/key/app/rotate')
      await testbed.ok(`write ${PATH}/adopt key_id=${id} rotation=in_place`)
      expect(await json(`read ${PATH}`)).toMatchObject({ versions: { 1: id, 2: id } })
    })
  })

  it.each([
    ['aes256-gcm96', 'encrypt,decrypt'],
    ['rsa-2048', 'encrypt,decrypt'],
    ['ecdsa-p256', 'derive'],
    ['ed25519', 'sign,verify'],
    ['hmac-sha512', 'sign,verify'],
  ])(
    'adopts a KMS key of %s for %s with the same material, and manages it',
    async (type, purpose) => {
      const id = await orphan(type, purpose)
      await testbed.ok(`write ${PATH}/adopt key_id=${id}`)
      expect(await firstId()).toBe(id)
      expect((await json<{ purpose: string }>(`read ${PATH}`)).purpose).toBe(
        purpose.split(',').sort().join(','),
      )
      expect((await testbed.client().send(new ListKeysCommand({}))).Keys).toHaveLength(1)
      const { Tags } = await testbed.client().send(new ListResourceTagsCommand({ KeyId: id }))
      expect(Tags?.find(({ TagKey }) => TagKey === 'keymgmt:key')?.TagValue).toBe('app')
      await testbed.ok('write -f keymgmt/key/app/rotate')
      expect((await testbed.run(`read ${PATH}/verify challenge=true`)).status).toBe(0)
    },
  )

  it.each([
    ['aes256-gcm96', 'encrypt,decrypt'],
    ['ecdsa-p256', 'sign,verify'],
    ['hmac-sha256', 'sign,verify'],
  ])('refuses a KMS key of %s with other material, and changes nothing', async (type, purpose) => {
    const id = await orphan(type, purpose)
    await testbed.ok(`write -f keymgmt/key/other type=${type}`)
    const refused = await testbed.run(`write keymgmt/kms/k/key/other/adopt key_id=${id}`)
    expect(refused).toMatchObject({ status: 2, stdout: '' })
    expect(refused.stderr).toContain('does not contain version 1 of other')
    expect((await testbed.run('list keymgmt/key/other/kms')).status).toBe(2)
    expect(
      (await testbed.client().send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata?.KeyState,
    ).toBe('Enabled')
  })

  it('allows one owner per KMS key', async () => {
    const material = randomBytes(32).toString('hex')
    for (const key of ['app', 'twin'])
      await testbed.ok(`write keymgmt/key/${key}/import type=aes256-gcm96 material=${material}`)
    await testbed.ok(`write ${PATH} purpose=encrypt,decrypt`)
    const id = await firstId()
    const refused = await testbed.run(`write keymgmt/kms/k/key/twin/adopt key_id=${id}`)
    expect(refused).toMatchObject({ status: 2, stdout: '' })
    expect(refused.stderr).toContain('belongs to the distribution of app to k')
    await testbed.client().send(
      new TagResourceCommand({
        KeyId: id,
        Tags: [{ TagKey: 'keymgmt:store', TagValue: 'another' }],
      }),
    )
    rmSync(join(testbed.home, 'keymgmt', 'store', 'distribution'), { recursive: true })
    const foreign = await testbed.run(`write keymgmt/kms/k/key/twin/adopt key_id=${id}`)
    expect(foreign.stderr.replace(/\s+/g, ' ')).toContain('belongs to another keymgmt store')
    await testbed.ok(`write keymgmt/kms/k/key/twin/adopt key_id=${id} take_over=true`)
    expect((await testbed.run('read keymgmt/kms/k/key/twin/verify')).status).toBe(0)
  })

  it('refuses a KMS key that is missing, not external, of another type, or distributed already', async () => {
    const id = await orphan('aes256-gcm96', 'encrypt,decrypt')
    const own = (await testbed.client().send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? ''
    await testbed.ok('write -f keymgmt/key/pair type=rsa-2048')
    const cases: [string, string][] = [
      [`${PATH}/adopt key_id=00000000-0000-0000-0000-000000000000`, 'there is no KMS key'],
      [`${PATH}/adopt key_id=${own}`, 'EXTERNAL'],
      [`keymgmt/kms/k/key/pair/adopt key_id=${id}`, 'is not of type rsa-2048'],
      [`${PATH}/adopt key_id=${id} version=2`, 'has no version 2'],
      [`${PATH}/adopt key_id=nonsense`, 'key_id'],
      [`${PATH}/adopt key_id=${id.slice(1)}`, 'key_id'],
      [
        `${PATH}/adopt key_id=arn:aws:kms:us-esat-1:111122223333:key/${id}`,
        'the KMS key is in us-esat-1, and the provider k is in us-west-1',
      ],
      [`keymgmt/kms/k/key/none/adopt key_id=${id}`, 'key "none" not found'],
    ]
    for (const [line, says] of cases) {
      const refused = await testbed.run(`write ${line}`)
      expect(refused).toMatchObject({ status: 2, stdout: '' })
      expect(refused.stderr).toContain(says)
    }
    await testbed.ok(`write ${PATH}/adopt key_id=${id}`)
    await testbed.ok(`write ${PATH}/adopt key_id=${id}`)
    expect((await testbed.run(`write ${PATH}/adopt key_id=${own}`)).stderr).toContain(
      'is already distributed to k',
    )
  })
})

describe('version_aliases', () => {
  it('creates an alias for each version in every Region, and removes them again', async () => {
    const aliases = async (region: string) => {
      const aliases = await ownAliases(testbed.client(region))
      return aliases
        .map(({ AliasName = '', TargetKeyId = '' }) => [
          AliasName.replace(/^.*app-\d+/, ''),
          TargetKeyId,
        ])
        .sort()
    }
    await testbed.ok('write -f keymgmt/key/app type=ecdsa-p384 replica_regions=us-east-1')
    await testbed.ok(`write ${PATH} purpose=sign,verify version_aliases=true`)
    await testbed.ok(`write -f ${PATH}/replicate`)
    const rotated = await testbed.run('write -f keymgmt/key/app/rotate')
    expect(rotated.stderr.replace(/\s+/g, ' ')).toContain(
      'To verify or decrypt the output of an earlier version, name its KMS key',
    )
    const { versions } = await json<{ versions: Record<string, string> }>(`read ${PATH}`)
    const expected = [
      ['', versions['2']],
      ['/v1', versions['1']],
      ['/v2', versions['2']],
    ]
    expect(await aliases('us-west-1')).toEqual(expected)
    expect(await aliases('us-east-1')).toEqual(expected)
    expect((await testbed.run(`read ${PATH}/verify`)).status).toBe(0)

    await testbed.ok(`write ${PATH} purpose=sign,verify`)
    expect(await aliases('us-east-1')).toEqual(expected)
    await testbed.ok(`write ${PATH} purpose=sign,verify version_aliases=false`)
    expect(await aliases('us-east-1')).toEqual(expected.slice(0, 1))
    expect(await findProblems(join(testbed.home, 'keymgmt'), testbed.kms)).toEqual([])
  })
})

describe('the China Regions', () => {
  it.each([
    ['aes256-gcm96', 'encrypt,decrypt', 'SM4'],
    ['rsa-2048', 'sign,verify', 'SM2PKE'],
  ])('refuse %s for %s before any call', async (type, purpose, reason) => {
    await testbed.ok('write keymgmt/kms/china provider=awskms key_collection=cn-north-1')
    await testbed.ok(`write -f keymgmt/key/app type=${type}`)
    const refused = await testbed.run(`write keymgmt/kms/china/key/app purpose=${purpose}`)
    expect(refused).toMatchObject({ status: 2, stdout: '' })
    expect(refused.stderr).toContain(reason)
    expect(testbed.requests).toEqual([])
  })
})
