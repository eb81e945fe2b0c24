import { DisableKeyCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const REMOVE = 'delete keymgmt/kms/k/key/app'
const CREDENTIALS =
  'credentials=access_key=ASIADJO3WTX6WPLJM42V credentials=secret_key=bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w'
/** Allows everything except GetKeyLastUsage. */
const POLICY = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
    { Effect: 'Deny', Action: 'kms:GetKeyLastUsage', Resource: '*' },
  ],
}

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed({ inProcess: true, policies: { ASIADJO3WTX6WPLJM42V: POLICY } })
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-west-1,eu-west-1')
  await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
  await testbed.ok('write -f keymgmt/kms/k/key/app/replicate')
  await testbed.ok('write -f keymgmt/key/app/rotate')
})
afterEach(() => testbed.close())

const idOf = async (version: number) => {
  const { data } = JSON.parse(await testbed.ok('read -format=json keymgmt/kms/k/key/app')) as {
    data: { versions: Record<string, string> }
  }
  return data.versions[version] ?? ''
}

it('a removal shows the last use of each KMS key, in each Region, also in a dry run', async () => {
  const [first, second] = [await idOf(1), await idOf(2)]
  const client = testbed.client('eu-west-1')
  await client.send(new EncryptCommand({ KeyId: first, Plaintext: Buffer.from('secret') }))
  await client.send(new DisableKeyCommand({ KeyId: first }))
  const lines = [
    new RegExp(
      `^ {2}last use of version 1 in k, us-west-1 \\(${first}\\): none since 20\\S+$`,
      'm',
    ),
    new RegExp(`^ {2}last use of version 1 in k, eu-west-1 \\(${first}\\): 20\\S+, Encrypt$`, 'm'),
    new RegExp(`^ {2}last use of version 2 in k, us-west-1 \\(${second}\\): none since`, 'm'),
  ]
  const { status, stderr } = await testbed.run(REMOVE)
  expect(status).toBe(0)
  for (const line of lines) expect(stderr).toMatch(line)
})

it('a removal works without the permission, and reports the last use as unknown', async () => {
  await testbed.ok(`write keymgmt/kms/k ${CREDENTIALS}`)
  const { status, stdout } = await testbed.run(`${REMOVE} -format=json`)
  const { data } = JSON.parse(stdout) as { data: { last_use: { state: string; reason: string }[] } }
  expect([status, data.last_use.map(({ state }) => state)]).toEqual([0, Array(4).fill('unknown')])
  expect(data.last_use[0]?.reason).toMatch(/GetKeyLastUsage.*AccessDeniedException/)
})
