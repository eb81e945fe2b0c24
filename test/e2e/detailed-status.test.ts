import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed
beforeAll(async () => {
  testbed = await createTestbed()
  await testbed.ok('write keymgmt/kms/prod provider=awskms key_collection=us-west-1')
  await testbed.ok(
    'write keymgmt/key/app type=aes256-gcm96 replica_regions=eu-west-1 rotation_period=90d',
  )
  await testbed.ok('write keymgmt/kms/prod/key/app purpose=encrypt,decrypt ttl=30d')
  await testbed.ok('write -f keymgmt/kms/prod/key/app/replicate')
  await testbed.ok('write -f keymgmt/key/app/rotate')
  await testbed.ok('write keymgmt/key/app min_enabled_version=2')
  await testbed.ok('write keymgmt/key/inner type=aes256-gcm96')
  await testbed.ok('write keymgmt/kms/prod/key/inner purpose=encrypt,decrypt rotation=in_place')
  await testbed.ok('write -f keymgmt/key/inner/rotate')
  await testbed.ok('write keymgmt/key/old type=ed25519')
  await testbed.ok('write keymgmt/kms/prod/key/old purpose=sign,verify')
  await testbed.ok('delete keymgmt/kms/prod/key/old deletion_window=7')
  await testbed.ok('write keymgmt/key/plain type=ed25519')
})
afterAll(() => testbed.close())

interface Listed {
  readonly keys: readonly {
    readonly name: string
    readonly distributions: readonly Readonly<Record<string, unknown>>[]
  }[]
  readonly monthly_cost_usd: number
}
const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

describe('keymgmt status -detailed', () => {
  it('has a line for each distribution, and sends nothing to AWS', async () => {
    const sent = testbed.requests.length
    const { status, stdout, stderr } = await testbed.run('status -detailed')
    expect([status, stderr, testbed.requests.length]).toEqual([0, '', sent])
    const [head, , ...lines] = stdout.split('\n').map((line) => line.split(/ {4,}/))
    expect(head).toEqual(
      'Key,Versions,Age,Next rotation,Provider,Regions,State,Expires,Deletion,Monthly,Alias'.split(
        ',',
      ),
    )
    const alias = (key: string) => expect.stringMatching(`^alias/hashicorp/${key}-\\d{10}$`)
    const regions = 'us-west-1, eu-west-1'
    const state = 'active, 2 disabled'
    expect(lines).toEqual([
      ['app', '1-2', '0d', day(90), 'prod', regions, state, day(30), 'n/a', '$4', alias('app')],
      ['inner', '1-2', '0d', ...cells('n/a prod us-west-1 active n/a n/a $2'), alias('inner')],
      ['old', '1', '0d', 'n/a', 'prod', 'us-west-1', 'removed', 'n/a', day(7), '$0', alias('old')],
      ['plain', '1', '0d', ...cells('n/a n/a n/a n/a n/a n/a n/a n/a')],
      [''],
      ['AWS bills $6 a month for these KMS keys.'],
      [''],
    ])
  })

  it('has the state of every KMS key in JSON', async () => {
    const { data } = JSON.parse(await testbed.ok('status -detailed -format=json')) as {
      data: Listed
    }
    expect(data).toMatchObject({ monthly_cost_usd: 6, unchecked: [] })
    expect(data.keys.map(({ name }) => name)).toEqual(['app', 'inner', 'old', 'plain'])
    const [app] = data.keys
    expect(app).toMatchObject({
      type: 'aes256-gcm96',
      latest_version: 2,
      versions: [1, 2],
      next_rotation: expect.stringContaining(day(90)),
      monthly_cost_usd: 4,
    })
    const read = JSON.parse(await testbed.ok('read -format=json keymgmt/kms/prod/key/app')) as {
      data: Readonly<Record<string, unknown>>
    }
    const { arn, alias, regions, kms_keys, as_of, expires } = read.data
    expect(app?.distributions).toEqual([
      {
        ...{ provider: 'prod', arn, alias, regions, kms_keys, as_of, expires },
        state: 'active',
        versions: [1, 2],
        monthly_cost_usd: 4,
      },
    ])
  })

  it('ends with 2 if a record is damaged, and lists the others', async () => {
    writeFileSync(join(testbed.home, 'keymgmt/store/key/inner.json'), 'damaged')
    const { status, stdout, stderr } = await testbed.run('status -detailed')
    expect(status).toBe(2)
    expect(stderr).toContain('The record key/inner was not checked')
    expect(stdout).toMatch(/^app /m)
    expect(stdout).not.toMatch(/^inner /m)
  })
})

const cells = (text: string) => text.split(' ')
