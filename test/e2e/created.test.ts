import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

// A command reports what it created: in the data for a program, on stderr for a person.

let testbed: Testbed
beforeAll(async () => {
  testbed = await createTestbed({ inProcess: true })
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write keymgmt/key/app type=aes256-gcm96 replica_regions=eu-west-1')
})
afterAll(() => testbed.close())

const ARN = /arn:aws:kms:us-west-1:\d{12}:key\/mrk-[0-9a-f]{32}/
const ALIAS = /alias\/hashicorp\/app-\d{10}/

interface Created {
  readonly data: {
    readonly version: number
    readonly kms_keys: readonly Readonly<Record<string, unknown>>[]
  }
}
const asJson = async (line: string) =>
  (JSON.parse(await testbed.ok(`${line} -format=json`)) as Created).data

describe('the created KMS keys', () => {
  it('is on stderr for a person, and stdout has only the line of Vault', async () => {
    const ran = await testbed.run('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
    expect(ran).toMatchObject({
      status: 0,
      stdout: 'Success! Data written to: keymgmt/kms/k/key/app\n',
      stderr: expect.stringMatching(
        new RegExp(`^  version 1 in k: ${ARN.source}, ${ALIAS.source}\n$`),
      ),
    })
  })

  it('is data of a rotation: the KMS keys of the new version, and the alias', async () => {
    const { version, kms_keys } = await asJson('write -f keymgmt/key/app/rotate')
    expect([version, kms_keys]).toEqual([
      2,
      [
        {
          provider: 'k',
          region: 'us-west-1',
          version: 2,
          kms_key: expect.stringMatching(/^mrk-/),
          arn: expect.stringMatching(ARN),
          alias: expect.stringMatching(ALIAS),
          alias_arn: expect.stringMatching(/^arn:aws:kms:us-west-1:\d{12}:alias\/hashicorp\/app-/),
        },
      ],
    ])
  })

  it('is data of a replication, with every version and Region', async () => {
    const { kms_keys } = await asJson('write -f keymgmt/kms/k/key/app/replicate')
    expect(
      kms_keys.map(({ version, region, alias }) => [version, region, alias !== undefined]),
    ).toEqual([
      [1, 'us-west-1', false],
      [1, 'eu-west-1', false],
      [2, 'us-west-1', true],
      [2, 'eu-west-1', true],
    ])
  })

  it('can be printed field by field, also after a rotation of a key without a distribution', async () => {
    await testbed.ok('write -f keymgmt/key/local type=ed25519')
    expect(await testbed.ok('write -f -field=version keymgmt/key/local/rotate')).toBe('2')
    const ran = await testbed.run('write -f keymgmt/key/local/rotate')
    expect(ran).toMatchObject({ status: 0, stderr: '  version 3, in no provider\n' })
  })

  it('do not include those in a dropped Region', async () => {
    await testbed.ok('write keymgmt/key/two type=aes256-gcm96 replica_regions=eu-west-1')
    await testbed.ok('write keymgmt/kms/k/key/two purpose=encrypt,decrypt')
    await testbed.ok('write -f keymgmt/kms/k/key/two/replicate')
    await testbed.ok('delete keymgmt/kms/k/key/two/replicate/eu-west-1')
    const { kms_keys } = await asJson('write keymgmt/kms/k/key/two description=two')
    expect(kms_keys.map(({ region }) => region)).toEqual(['us-west-1'])
  })

  it('are not in the output of a dry run', async () => {
    const ran = await testbed.run('write -f -dry-run -format=json keymgmt/key/app/rotate')
    expect(JSON.parse(ran.stdout)).not.toHaveProperty('data.kms_keys')
  })
})

describe('the warning after a rotation', () => {
  it.each([
    ['app', 'IncorrectKeyException'],
    ['web', 'name its KMS key'],
  ])('says of %s what becomes of earlier output', async (key, says) => {
    await testbed.run(`write -f keymgmt/key/web type=ecdsa-p256`)
    await testbed.run('write keymgmt/kms/k/key/web purpose=sign,verify')
    const { warnings } = JSON.parse(
      await testbed.ok(`write -f -format=json keymgmt/key/${key}/rotate`),
    ) as { warnings: readonly string[] }
    expect(warnings).toEqual([expect.stringContaining(says)])
    expect(warnings[0]).toContain(`keymgmt read keymgmt/kms/k/key/${key}`)
    expect(warnings[0]).toContain('docs/recipes.md')
  })

  it('is not printed if no alias was moved, because the distribution is revoked', async () => {
    await testbed.ok('write -f keymgmt/key/idle type=aes256-gcm96')
    await testbed.ok('write keymgmt/kms/k/key/idle purpose=encrypt,decrypt')
    await testbed.ok('write -f keymgmt/kms/k/key/idle/revoke')
    const ran = await testbed.run('write -f keymgmt/key/idle/rotate')
    expect(ran).toMatchObject({ status: 0, stderr: '  version 2, in no provider\n' })
  })
})
