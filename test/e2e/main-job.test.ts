import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  ListKeysCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { ownAliases } from '../support/own-aliases.js'

describe('the main job', () => {
  let testbed: Testbed
  beforeAll(async () => {
    testbed = await createTestbed()
    await testbed.ok('write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1')
  })
  afterAll(() => testbed.close())

  const json = async (line: string) =>
    (JSON.parse(await testbed.ok(`${line} -format=json`)) as { data: Record<string, unknown> }).data

  it('distributes, rotates, disables, enables and removes', async () => {
    expect(await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')).toBe(
      'Success! Data written to: keymgmt/key/app\n',
    )
    await testbed.ok('write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt protection=hsm')
    const distribution = await json('read keymgmt/kms/example-kms/key/app')
    expect(distribution).toMatchObject({ protection: 'hsm', purpose: 'decrypt,encrypt' })
    const name = distribution.name as string
    expect(name).toBe(
      `app-${Math.floor(Date.parse(distribution.distribution_time as string) / 1000)}`,
    )

    const kms = testbed.client()
    const KeyId = `alias/hashicorp/${name}`
    const first = (await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('one') })))
      .CiphertextBlob
    await testbed.ok('write -f keymgmt/key/app/rotate')
    const second = await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('two') }))
    const { versions } = (await json('read keymgmt/kms/example-kms/key/app')) as {
      versions: Record<string, string>
    }
    expect(second.KeyId?.endsWith(versions['2'] ?? '-')).toBe(true)

    await testbed.ok('write keymgmt/key/app min_enabled_version=2')
    await expect(kms.send(new DecryptCommand({ CiphertextBlob: first }))).rejects.toMatchObject({
      name: 'DisabledException',
    })
    expect(Object.keys((await json('read keymgmt/key/app')).versions as object)).toEqual(['2'])
    await testbed.ok('write keymgmt/key/app min_enabled_version=0')
    expect((await kms.send(new DecryptCommand({ CiphertextBlob: first }))).KeyId).toContain(
      versions['1'],
    )

    expect(await testbed.ok('list keymgmt/kms/example-kms/key')).toBe('Keys\n----\napp\n')
    expect(await testbed.ok('list keymgmt/key/app/kms')).toBe('Keys\n----\nexample-kms\n')
    await testbed.ok('delete keymgmt/kms/example-kms/key/app')
    expect(await ownAliases(kms)).toEqual([])
    for (const id of Object.values(versions)) {
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }))
      expect(KeyMetadata).toMatchObject({ KeyState: 'PendingDeletion' })
    }
  })

  it('repeats the same distribution without effect, and refuses a different one', async () => {
    await testbed.ok('write -f keymgmt/key/twice type=aes256-gcm96')
    await testbed.ok('write keymgmt/kms/example-kms/key/twice purpose=encrypt,decrypt')
    const before = (await testbed.client().send(new ListKeysCommand({}))).Keys?.length
    await testbed.ok(
      'write keymgmt/kms/example-kms/key/twice purpose=decrypt,encrypt protection=hsm',
    )
    expect((await testbed.client().send(new ListKeysCommand({}))).Keys?.length).toBe(before)
    const other = await testbed.run('write keymgmt/kms/example-kms/key/twice purpose=sign,verify')
    expect(other).toMatchObject({ status: 2, stdout: '' })
  })

  it.each([
    ['rsa-2048', 'encrypt,decrypt'],
    ['ecdsa-p521', 'sign,verify'],
    ['ecdsa-p256', 'derive'],
    ['ed25519', 'sign,verify'],
    ['ecdsa-secp256k1', 'sign,verify'],
    ['hmac-sha384', 'sign,verify'],
  ])('distributes and rotates %s for %s', async (type, purpose) => {
    const name = `typed-${type}-${purpose.replace(',', '-')}`
    await testbed.ok(`write -f keymgmt/key/${name} type=${type}`)
    await testbed.ok(`write keymgmt/kms/example-kms/key/${name} purpose=${purpose}`)
    await testbed.ok(`write -f keymgmt/key/${name}/rotate`)
    const { versions } = (await json(`read keymgmt/kms/example-kms/key/${name}`)) as {
      versions: object
    }
    expect(Object.keys(versions)).toEqual(['1', '2'])
  })

  it('replicates, and rotates in every Region', async () => {
    await testbed.ok(
      'write -f keymgmt/key/global type=aes256-gcm96 replica_regions=eu-west-1,us-east-1',
    )
    await testbed.ok('write keymgmt/kms/example-kms/key/global purpose=encrypt,decrypt')
    await testbed.ok('write -f keymgmt/kms/example-kms/key/global/replicate')
    await testbed.ok('write -f keymgmt/key/global/rotate')
    const KeyId = `alias/hashicorp/${String((await json('read keymgmt/kms/example-kms/key/global')).name)}`
    const { CiphertextBlob, KeyId: arn } = await testbed
      .client('eu-west-1')
      .send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }))
    const opened = await testbed.client('us-east-1').send(new DecryptCommand({ CiphertextBlob }))
    expect(opened.KeyId?.split('/')[1]).toBe(arn?.split('/')[1])
  })

  it('keeps files private and sealed', () => {
    const files = readdirSync(join(testbed.home, 'keymgmt'), {
      recursive: true,
      withFileTypes: true,
    })
    for (const file of files) {
      const path = join(file.parentPath, file.name)
      expect(statSync(path).mode & 0o077).toBe(0)
      if (file.isFile()) expect(readFileSync(path, 'utf8')).not.toContain('aes256-gcm96')
    }
    expect(files.length).toBeGreaterThan(5)
  })
})

describe('permissions', () => {
  it("needs only the permissions that Vault documents, for Vault's key type", async () => {
    const testbed = await createTestbed()
    try {
      await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
      await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1')
      await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
      await testbed.ok('write -f keymgmt/key/app/rotate')
      await testbed.ok('write keymgmt/key/app min_enabled_version=2')
      await testbed.ok('write -f keymgmt/kms/k/key/app/replicate')
      await testbed.ok('write keymgmt/key/app min_enabled_version=1')
      await testbed.ok('delete keymgmt/kms/k/key/app')
      expect([...new Set(testbed.requests.map(({ operation }) => operation))].sort()).toEqual([
        'CreateAlias',
        'CreateKey',
        'DeleteAlias',
        'DescribeKey',
        'DisableKey',
        'EnableKey',
        // A removal shows the last use if AWS returns it, and also works without it.
        'GetKeyLastUsage',
        'GetParametersForImport',
        'ImportKeyMaterial',
        'ListAliases',
        'ReplicateKey',
        'ScheduleKeyDeletion',
        'UpdateAlias',
      ])
    } finally {
      await testbed.close()
    }
  })

  const distributed = [
    'write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1',
    'write keymgmt/kms/k/key/app purpose=encrypt,decrypt',
  ]
  const rotated = [...distributed, 'write -f keymgmt/key/app/rotate']
  const removed = [...distributed, 'delete keymgmt/kms/k/key/app']
  it.each<[operation: string, before: readonly string[], line: string]>([
    ['CreateKey', distributed.slice(0, 1), distributed[1] ?? ''],
    ['GetParametersForImport', distributed.slice(0, 1), distributed[1] ?? ''],
    ['ImportKeyMaterial', distributed.slice(0, 1), distributed[1] ?? ''],
    ['CreateAlias', distributed.slice(0, 1), distributed[1] ?? ''],
    ['UpdateAlias', distributed, 'write -f keymgmt/key/app/rotate'],
    ['DisableKey', rotated, 'write keymgmt/key/app min_enabled_version=2'],
    [
      'EnableKey',
      [...rotated, 'write keymgmt/key/app min_enabled_version=2'],
      'write keymgmt/key/app min_enabled_version=1',
    ],
    ['ReplicateKey', distributed, 'write -f keymgmt/kms/k/key/app/replicate'],
    ['DescribeKey', distributed, 'write -f keymgmt/kms/k/key/app/replicate'],
    ['DeleteAlias', distributed, 'delete keymgmt/kms/k/key/app'],
    ['ScheduleKeyDeletion', distributed, 'delete keymgmt/kms/k/key/app'],
    ['CancelKeyDeletion', removed, 'write -f keymgmt/kms/k/key/app/restore'],
    ['DeleteImportedKeyMaterial', distributed, 'write -f keymgmt/kms/k/key/app/revoke'],
  ])(
    'names kms:%s if it is denied, and continues once it is allowed',
    async (operation, before, line) => {
      const testbed = await createTestbed({ faults: [{ operation, nth: 1, kind: 'denied' }] })
      try {
        await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
        for (const earlier of before) await testbed.ok(earlier)
        const denied = await testbed.run(line)
        expect(denied).toMatchObject({ status: 2, stdout: '' })
        expect(denied.stderr).toContain(`kms:${operation}`)
        expect(denied.stderr).toContain('AWS request id: ')
        await testbed.ok(line)
        const versions = [...before, line].some((each) => each.includes('rotate')) ? 2 : 1
        expect((await testbed.client().send(new ListKeysCommand({}))).Keys).toHaveLength(versions)
      } finally {
        await testbed.close()
      }
    },
  )

  it('names kms:ListResourceTags if verify is denied it, and shows the rest', async () => {
    const testbed = await createTestbed({
      faults: [{ operation: 'ListResourceTags', nth: 1, kind: 'denied' }],
    })
    try {
      await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
      for (const earlier of distributed) await testbed.ok(earlier)
      const verify = 'read keymgmt/kms/k/key/app/verify'
      const denied = await testbed.run(verify)
      expect(denied).toMatchObject({ status: 2 })
      expect(denied.stdout).toContain('allow kms:ListResourceTags in the IAM policy')
      expect(denied.stdout).toContain('enabled, material not compared')
      await testbed.ok(verify)
    } finally {
      await testbed.close()
    }
  })
})

describe('a lost response', () => {
  it.each(
    ['CreateKey', 'GetParametersForImport', 'ImportKeyMaterial', 'CreateAlias'].flatMap(
      (operation) =>
        ['drop', 'drop-before', 'error', 'error-after'].map((kind) => [operation, kind] as const),
    ),
  )('%s %s: ends with one KMS key and one alias', async (operation, kind) => {
    const testbed = await createTestbed({ faults: [{ operation, nth: 1, kind: kind as 'drop' }] })
    try {
      await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
      await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
      const first = await testbed.run('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
      if (first.status !== 0)
        await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
      const { Keys } = await testbed.client().send(new ListKeysCommand({}))
      const aliases = await ownAliases(testbed.client())
      expect(Keys).toHaveLength(1)
      expect(aliases.map(({ TargetKeyId }) => TargetKeyId)).toEqual([Keys?.[0]?.KeyId])
      const { KeyMetadata } = await testbed
        .client()
        .send(new DescribeKeyCommand({ KeyId: Keys?.[0]?.KeyId }))
      expect(KeyMetadata?.KeyState).toBe('Enabled')
    } finally {
      await testbed.close()
    }
  })
})
