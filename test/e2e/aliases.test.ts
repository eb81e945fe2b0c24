import { CreateAliasCommand, CreateKeyCommand, UpdateAliasCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { CONFIGURE } from '../support/flows.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { ownAliases } from '../support/own-aliases.js'

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed({ inProcess: true })
  await testbed.ok(CONFIGURE)
})
afterEach(() => testbed.close())

const distribute = (key: string) => `write keymgmt/kms/k/key/${key} purpose=encrypt,decrypt`
const aliases = async () =>
  new Map(
    (await ownAliases(testbed.client())).map(({ AliasName = '', TargetKeyId = '' }) => [
      AliasName,
      TargetKeyId,
    ]),
  )

it('two keys with the same alias name can be distributed at once, and removing one leaves the other intact', async () => {
  const keys = ['db.main', 'db_main']
  for (const key of keys) await testbed.ok(`write -f keymgmt/key/${key} type=aes256-gcm96`)
  await Promise.all(keys.map((key) => testbed.ok(distribute(key))))
  const before = await aliases()
  expect(new Set(before.values()).size).toBe(2)
  await testbed.ok('delete keymgmt/kms/k/key/db_main')
  const after = await aliases()
  expect(after.size).toBe(1)
  expect((await testbed.run('read keymgmt/kms/k/key/db.main/verify')).status).toBe(0)
})

it("another owner's aliases stay unchanged, and the alias gets a later second", async () => {
  const client = testbed.client()
  const TargetKeyId = (await client.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId
  const now = Math.floor(Date.now() / 1000)
  for (let second = now - 1; second < now + 15; second++)
    await client.send(
      new CreateAliasCommand({ AliasName: `alias/hashicorp/app-${second}`, TargetKeyId }),
    )
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  await testbed.ok(distribute('app'))
  expect((await testbed.run('read keymgmt/kms/k/key/app/verify')).status).toBe(0)
  await testbed.ok('delete keymgmt/kms/k/key/app')
  const left = await aliases()
  expect([left.size, new Set(left.values())]).toEqual([16, new Set([TargetKeyId])])
})

it('an alias that somebody moves in one Region during an unfinished removal can be moved back', async () => {
  const [path, AWAY] = ['keymgmt/kms/k/key/app', 'us-east-1']
  await testbed.ok(`write keymgmt/key/app type=aes256-gcm96 replica_regions=${AWAY}`)
  await testbed.ok(distribute('app'))
  await testbed.ok(`write -f ${path}/replicate`)
  const denying = await createTestbed(
    {
      account: testbed.kms.account,
      faults: [{ operation: 'DeleteAlias', nth: '*', kind: 'denied' }],
    },
    testbed.home,
  )
  expect((await denying.run(`delete ${path}`)).status).toBe(2)
  await denying.kms.close()
  const client = testbed.client(AWAY)
  const AliasName = await testbed
    .ok(`read -field=name ${path}`)
    .then((name) => `alias/hashicorp/${name}`)
  const TargetKeyId = (await client.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId
  await client.send(new UpdateAliasCommand({ AliasName, TargetKeyId }))

  const { stdout, status } = await testbed.run(`write -f -format=json ${path}/restore`)
  expect(status).toBe(2)
  const { data } = JSON.parse(stdout) as { data: { outcomes: Record<string, unknown>[] } }
  expect(data.outcomes.filter(({ state }) => state !== 'done')).toEqual([
    expect.objectContaining({
      region: AWAY,
      alias: AliasName,
      next_step: expect.stringContaining(`keymgmt write -f ${path}/repair`),
    }),
  ])
  await testbed.ok(`write -f ${path}/repair`)
  await testbed.ok('write -f keymgmt/key/app/rotate')
  expect(await testbed.ok(`read -field=name ${path}`)).toBe(AliasName.replace(/^.*\//, ''))
  await testbed.ok(`read ${path}/verify`)
})
