import { CreateAliasCommand, ListAliasesCommand, UpdateAliasCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const PATH = 'keymgmt/kms/k/key/app'
const ALIAS = 'alias/apps/app'
const DISTRIBUTE = `write ${PATH} purpose=encrypt,decrypt`

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed()
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write keymgmt/key/app type=aes256-gcm96 replica_regions=eu-west-1')
})
afterEach(() => testbed.close())

/** The id of the KMS key that the alias names in a Region. */
async function targetOf(alias: string, region = 'us-west-1') {
  const { Aliases = [] } = await testbed.client(region).send(new ListAliasesCommand({}))
  return Aliases.find(({ AliasName }) => AliasName === alias)?.TargetKeyId
}

const read = async (key = 'app') =>
  (
    JSON.parse(await testbed.ok(`read -format=json keymgmt/kms/k/key/${key}`)) as {
      data: {
        readonly versions: Readonly<Record<string, string>>
        readonly alias: string
        readonly custom_alias?: string
      }
    }
  ).data

describe('a custom alias', () => {
  it('names the latest version in every Region, in addition to the alias of keymgmt', async () => {
    await testbed.ok(`${DISTRIBUTE} custom_alias=${ALIAS}`)
    await testbed.ok(`write -f ${PATH}/replicate`)
    await testbed.ok('write -f keymgmt/key/app/rotate')
    const { versions, alias, custom_alias } = await read()
    expect(custom_alias).toBe(ALIAS)
    expect([
      await targetOf(ALIAS),
      await targetOf(ALIAS, 'eu-west-1'),
      await targetOf(alias),
    ]).toEqual([versions[2], versions[2], versions[2]])
    expect((await testbed.run(`read ${PATH}/verify`)).status).toBe(0)
  })

  it('is set, changed and removed later, without the purpose', async () => {
    await testbed.ok(DISTRIBUTE)
    const { versions } = await read()
    await testbed.ok(`write ${PATH} custom_alias=${ALIAS}`)
    expect(await targetOf(ALIAS)).toBe(versions[1])
    await testbed.ok(`write ${PATH} custom_alias=alias/apps/other`)
    expect([await targetOf(ALIAS), await targetOf('alias/apps/other')]).toEqual([
      undefined,
      versions[1],
    ])
    await testbed.ok(`write ${PATH} version_aliases=true`)
    expect((await read()).custom_alias).toBe('alias/apps/other')
    await testbed.ok(`write ${PATH} custom_alias=`)
    expect([await targetOf('alias/apps/other'), (await read()).custom_alias]).toEqual([
      undefined,
      undefined,
    ])
  })

  it('is removed and restored with the distribution', async () => {
    await testbed.ok(`${DISTRIBUTE} custom_alias=${ALIAS}`)
    const { versions } = await read()
    await testbed.ok(`delete ${PATH}`)
    expect(await targetOf(ALIAS)).toBeUndefined()
    await testbed.ok(`write -f ${PATH}/restore`)
    expect(await targetOf(ALIAS)).toBe(versions[1])
  })

  it('is compared by verify, and moved back by repair', async () => {
    await testbed.ok(`${DISTRIBUTE} custom_alias=${ALIAS}`)
    await testbed.ok('write -f keymgmt/key/app/rotate')
    const { versions } = await read()
    const moved = { AliasName: ALIAS, TargetKeyId: versions[1] }
    await testbed.client().send(new UpdateAliasCommand(moved))
    const verified = await testbed.run(`read ${PATH}/verify`)
    expect([verified.status, verified.stdout]).toEqual([3, expect.stringContaining(ALIAS)])
    await testbed.ok(`write -f ${PATH}/repair`)
    expect(await targetOf(ALIAS)).toBe(versions[2])
  })

  it('is in the policy of the provider', async () => {
    await testbed.ok(`${DISTRIBUTE} custom_alias=${ALIAS}`)
    expect(await testbed.ok('policy keymgmt/kms/k')).toContain(`:${ALIAS}"`)
  })

  it('never moves if the KMS key is rotated in place', async () => {
    await testbed.ok(`${DISTRIBUTE} rotation=in_place custom_alias=${ALIAS}`)
    await testbed.ok('write -f keymgmt/key/app/rotate')
    expect(await targetOf(ALIAS)).toBe((await read()).versions[2])
  })
})

describe('refused, before anything is changed:', () => {
  it('a name that points to another KMS key', async () => {
    await testbed.ok('write keymgmt/key/first type=aes256-gcm96')
    await testbed.ok('write keymgmt/kms/k/key/first purpose=encrypt,decrypt')
    const { versions } = await read('first')
    const taken = { AliasName: ALIAS, TargetKeyId: versions[1] }
    await testbed.client().send(new CreateAliasCommand(taken))
    const { keys } = testbed.kms.account.region('us-west-1')
    const before = keys.size
    const ran = await testbed.run(`${DISTRIBUTE} custom_alias=${ALIAS}`)
    expect([ran.status, keys.size]).toEqual([2, before])
    expect(ran.stderr).toContain(`${ALIAS} in us-west-1 points to KMS key ${versions[1]}`)
    expect((await testbed.run(`read ${PATH}`)).stderr).toContain('No value found')
  })

  it.each([
    ['alias/aws/kms', 'reserved for AWS'],
    ['alias/hashicorp/app', 'reserved for the aliases that keymgmt names'],
    ['apps/app', 'not the name of an alias'],
    ['alias/apps.app', 'not the name of an alias'],
    [`alias/${'a'.repeat(251)}`, 'not the name of an alias'],
  ])('%s', async (alias, problem) => {
    await testbed.ok(DISTRIBUTE)
    const sent = testbed.requests.length
    const ran = await testbed.run(`write ${PATH} custom_alias=${alias}`)
    expect([ran.status, testbed.requests.length]).toEqual([2, sent])
    expect(ran.stderr).toContain(problem)
    expect(ran.stderr).toContain('alias/payments/app')
  })

  it.each([
    ['that does not exist', []],
    ['that was removed', [DISTRIBUTE, `delete ${PATH}`]],
  ])('a setting without a purpose, of a distribution %s', async (_title, lines) => {
    for (const line of lines) await testbed.ok(line)
    const ran = await testbed.run(`write ${PATH} custom_alias=${ALIAS}`)
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain('missing required parameter "purpose"')
    expect(ran.stderr).toContain('purpose=encrypt,decrypt')
  })
})
