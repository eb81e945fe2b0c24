import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { CONFIGURE } from '../support/flows.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { ownAliases } from '../support/own-aliases.js'

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed()
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
