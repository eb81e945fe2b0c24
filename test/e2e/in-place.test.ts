import {
  DecryptCommand,
  EncryptCommand,
  ListKeyRotationsCommand,
  ListKeysCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

// One KMS key for all versions: its ARN never changes, and it decrypts what each version encrypted.

const REGIONS = ['us-west-1', 'us-east-1', 'eu-west-1']
const IN_PLACE = 'purpose=encrypt,decrypt rotation=in_place'

let testbed: Testbed
beforeAll(async () => {
  testbed = await createTestbed({ inProcess: true })
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
})
afterAll(() => testbed.close())

const json = async (line: string) =>
  (JSON.parse(await testbed.ok(`${line} -format=json`)) as { data: Record<string, unknown> }).data
const read = (key: string) => json(`read keymgmt/kms/k/key/${key}`)
const idOf = async (key: string) =>
  Object.values((await read(key)).versions as Record<string, string>)[0] ?? ''
const encrypt = async (KeyId: string, region?: string) => {
  const Plaintext = Buffer.from('plain')
  const { CiphertextBlob } = await testbed
    .client(region)
    .send(new EncryptCommand({ KeyId, Plaintext }))
  return CiphertextBlob
}
const opens = async (KeyId: string, CiphertextBlob: Uint8Array | undefined, region?: string) => {
  const reply = await testbed.client(region).send(new DecryptCommand({ KeyId, CiphertextBlob }))
  return Buffer.from(reply.Plaintext ?? []).toString() === 'plain'
}
const materials = async (KeyId: string, region?: string) =>
  (
    await testbed
      .client(region)
      .send(new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))
  ).Rotations ?? []
const countKmsKeys = async () =>
  (await testbed.client().send(new ListKeysCommand({}))).Keys?.length ?? 0

describe('a key that is rotated in place', () => {
  it('keeps its KMS key, which decrypts the ciphertext of every version', async () => {
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await testbed.ok('write -f keymgmt/key/app/rotate')
    const before = await countKmsKeys()
    await testbed.ok(`write keymgmt/kms/k/key/app ${IN_PLACE}`)
    const id = await idOf('app')
    const alias = `alias/hashicorp/${String((await read('app')).name)}`
    expect(await read('app')).toMatchObject({
      rotation: 'in_place',
      rotations_used: 1,
      rotations_left: 24,
      versions: { 1: id, 2: id },
    })
    const ciphertexts = [await encrypt(alias)]
    for (const version of [3, 4]) {
      await testbed.ok('write -f keymgmt/key/app/rotate')
      ciphertexts.push(await encrypt(alias))
      for (const each of ciphertexts) expect(await opens(alias, each)).toBe(true)
      expect(await materials(id)).toHaveLength(version)
    }
    expect((await materials(id)).map((each) => each.KeyMaterialDescription)).toEqual(
      [1, 2, 3, 4].map((version) =>
        expect.stringMatching(new RegExp(`^keymgmt:app/v${version}/[0-9a-f-]{36}$`)),
      ),
    )
    expect((await materials(id)).at(-1)).toMatchObject({ KeyMaterialState: 'CURRENT' })
    expect(await countKmsKeys()).toBe(before + 1)
    expect((await json('read keymgmt/key/app')).latest_version).toBe(4)
  })

  it('costs at most $3 a month; with rotation by alias, each version costs $1', async () => {
    await testbed.ok('write -f keymgmt/key/priced type=aes256-gcm96')
    for (let version = 2; version <= 4; version++)
      await testbed.ok('write -f keymgmt/key/priced/rotate')
    const cost = async (line: string) => (await json(`${line} -dry-run`)).monthly_cost_usd
    const distribute = 'write keymgmt/kms/k/key/priced purpose=encrypt,decrypt'
    expect([await cost(distribute), await cost(`${distribute} rotation=in_place`)]).toEqual([4, 3])
    await testbed.ok('write keymgmt/key/priced min_enabled_version=4')
    await testbed.ok(`${distribute} rotation=in_place`)
    const costs = []
    for (let version = 5; version <= 7; version++) {
      costs.push(await cost('write -f keymgmt/key/priced/rotate'))
      await testbed.ok('write -f keymgmt/key/priced/rotate')
    }
    expect(costs).toEqual([1, 1, 0])
  })

  it('does so in every Region', async () => {
    await testbed.ok(
      'write -f keymgmt/key/global type=aes256-gcm96 replica_regions=us-east-1,eu-west-1',
    )
    await testbed.ok('write -f keymgmt/key/global/rotate')
    await testbed.ok(`write keymgmt/kms/k/key/global ${IN_PLACE}`)
    await testbed.ok('write -f keymgmt/kms/k/key/global/replicate')
    const id = await idOf('global')
    const ciphertexts = [await encrypt(id)]
    for (const region of REGIONS.slice(1)) {
      await testbed.ok('write -f keymgmt/key/global/rotate')
      ciphertexts.push(await encrypt(id, region))
      for (const place of REGIONS)
        for (const each of ciphertexts) expect(await opens(id, each, place)).toBe(true)
    }
    const listed = await Promise.all(REGIONS.map((region) => materials(id, region)))
    const states = listed.map((each) => each.map((material) => material.KeyMaterialState))
    expect(states).toEqual(
      REGIONS.map(() => ['NON_CURRENT', 'NON_CURRENT', 'NON_CURRENT', 'CURRENT']),
    )
    const [first, ...others] = listed.map((each) => each.map((material) => material.KeyMaterialId))
    for (const other of others) expect(other).toEqual(first)
  })

  it('is usable again after a revocation and after a removal, with a version created meanwhile', async () => {
    const id = await idOf('global')
    const ciphertext = await encrypt(id)
    await testbed.ok('write -f keymgmt/kms/k/key/global/revoke')
    for (const region of REGIONS) {
      await expect(opens(id, ciphertext, region)).rejects.toThrow('pending import')
      expect((await materials(id, region)).map((each) => each.ImportState)).toEqual(
        Array.from({ length: 4 }, () => 'PENDING_IMPORT'),
      )
    }
    await testbed.ok('write -f keymgmt/key/global/rotate')
    await testbed.ok('write -f keymgmt/kms/k/key/global/restore')
    await testbed.ok('delete keymgmt/kms/k/key/global')
    await testbed.ok('write -f keymgmt/key/global/rotate')
    await testbed.ok(`write keymgmt/kms/k/key/global ${IN_PLACE}`)
    expect(await idOf('global')).toBe(id)
    for (const region of REGIONS) {
      expect(await opens(id, ciphertext, region)).toBe(true)
      expect(await materials(id, region)).toHaveLength(6)
    }
  })

  it('gets only its enabled versions', async () => {
    await testbed.ok('write -f keymgmt/key/some type=aes256-gcm96')
    await testbed.ok('write -f keymgmt/key/some/rotate')
    await testbed.ok('write -f keymgmt/key/some/rotate')
    await testbed.ok('write keymgmt/key/some min_enabled_version=2')
    await testbed.ok(`write keymgmt/kms/k/key/some ${IN_PLACE}`)
    const id = await idOf('some')
    expect((await read('some')).versions).toEqual({ 2: id, 3: id })
    expect(await materials(id)).toHaveLength(2)
  })
})

describe('rotation in place is refused', () => {
  it.each(['rsa-2048', 'ecdsa-p256', 'hmac-sha256'])('for a key of type %s', async (type) => {
    await testbed.ok(`write -f keymgmt/key/${type} type=${type}`)
    const line = `write keymgmt/kms/k/key/${type} purpose=sign,verify rotation=in_place`
    const { status, stderr } = await testbed.run(line)
    expect([status, stderr]).toEqual([
      2,
      `Error writing data to keymgmt/kms/k/key/${type}: keys of type ${type} can't be rotated in place: only symmetric KMS keys can have several materials
  hint: use rotation=alias, or leave it out: each version then gets its own KMS key
`,
    ])
  })

  it('with version_aliases, and for a distribution of the other kind', async () => {
    await testbed.ok('write -f keymgmt/key/fixed type=aes256-gcm96')
    const aliases = await testbed.run(`write keymgmt/kms/k/key/fixed ${IN_PLACE} version_aliases=1`)
    expect(aliases.stderr).toContain("version_aliases can't be used with rotation=in_place")
    await testbed.ok('write keymgmt/kms/k/key/fixed purpose=encrypt,decrypt')
    const { status, stderr } = await testbed.run(`write keymgmt/kms/k/key/fixed ${IN_PLACE}`)
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining("rotation=alias, which can't be changed"),
    ])
    await testbed.ok('write -f keymgmt/key/kept type=aes256-gcm96')
    await testbed.ok(`write keymgmt/kms/k/key/kept ${IN_PLACE}`)
    const other = await testbed.run(
      'write keymgmt/kms/k/key/kept purpose=encrypt,decrypt rotation=alias',
    )
    expect([other.status, other.stderr]).toEqual([
      2,
      expect.stringContaining("rotation=in_place, which can't be changed"),
    ])
    await testbed.ok('write keymgmt/kms/k/key/kept purpose=encrypt,decrypt')
  })

  it('a second time with the same bytes', async () => {
    const material = randomBytes(32).toString('hex')
    await testbed.ok('write -f keymgmt/key/bytes type=aes256-gcm96')
    await testbed.ok(`write keymgmt/kms/k/key/bytes ${IN_PLACE}`)
    await testbed.ok(`write keymgmt/key/bytes/import_version material=${material}`)
    await testbed.ok('write -f keymgmt/key/bytes/rotate')
    const { stderr } = await testbed.run(
      `write keymgmt/key/bytes/import_version material=${material}`,
    )
    expect(stderr).toContain('version 2 of bytes has this material already')
    expect(await materials(await idOf('bytes'))).toHaveLength(3)
  })
})

describe('min_enabled_version', () => {
  it('is refused if every distribution is rotated in place, and otherwise skips such distributions', async () => {
    await testbed.ok('write keymgmt/kms/k2 provider=awskms key_collection=us-west-1')
    await testbed.ok('write -f keymgmt/key/both type=aes256-gcm96')
    await testbed.ok('write -f keymgmt/key/both/rotate')
    await testbed.ok(`write keymgmt/kms/k/key/both ${IN_PLACE}`)
    const line = 'write keymgmt/key/both min_enabled_version=2'
    const refused = await testbed.run(line)
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringContaining('min_enabled_version has no effect on both'),
    ])
    const ciphertext = await encrypt(await idOf('both'))
    await testbed.ok('write keymgmt/kms/k2/key/both purpose=encrypt,decrypt')
    const { data } = JSON.parse(await testbed.ok(`${line} -format=json`)) as {
      data: { outcomes: Record<string, unknown>[] }
    }
    expect(data.outcomes).toMatchObject([
      {
        provider: 'k',
        region: 'us-west-1',
        version: 1,
        action: 'disable',
        state: 'not-applicable',
      },
      { provider: 'k2', region: 'us-west-1', version: 1, action: 'disable', state: 'done' },
    ])
    expect(await opens(await idOf('both'), ciphertext)).toBe(true)
  })
})
