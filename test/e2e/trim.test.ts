import { EncryptCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const TRIM = 'write keymgmt/key/app/trim min_available_version'
const DAY_MS = 86_400_000

let testbed: Testbed
/** Days by which the clock of the KMS is ahead. */
let days = 0
beforeEach(async () => {
  days = 0
  testbed = await createTestbed({
    inProcess: true,
    now: () => new Date(Date.now() + days * DAY_MS),
  })
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-west-1,eu-west-1')
  await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
  await testbed.ok('write -f keymgmt/kms/k/key/app/replicate')
  await testbed.ok('write -f keymgmt/key/app/rotate')
  await testbed.ok('write -f keymgmt/key/app/rotate')
})
afterEach(() => testbed.close())

const states = () =>
  ['us-west-1', 'eu-west-1'].map((region) =>
    [...testbed.kms.account.region(region).keys.values()].map(({ deletion }) =>
      deletion === undefined ? 'kept' : 'pending',
    ),
  )
const flat = (text: string) => text.replace(/\s+/g, ' ')

it('trims the disabled versions, explains the effect, and cancels the trim', async () => {
  const early = await testbed.run(`${TRIM}=2`)
  expect([early.status, early.stderr]).toEqual([
    2,
    expect.stringMatching(/only disabled versions can be trimmed\n {2}hint: first disable them/),
  ])
  await testbed.ok('write keymgmt/key/app min_enabled_version=3')
  const planned = await testbed.run(`${TRIM}=2 -dry-run`)
  expect(planned.stdout.match(/ScheduleKeyDeletion/g)).toHaveLength(2)
  expect(flat(planned.stderr)).toContain('take $2.00 off the monthly bill')
  expect(planned.stderr).toMatch(/last use of version 1 in k, eu-west-1 .*: none since/)
  expect(states()).toEqual([
    ['kept', 'kept', 'kept'],
    ['kept', 'kept', 'kept'],
  ])
  const { status, stdout, stderr } = await testbed.run(`${TRIM}=2`)
  expect([status, stdout]).toEqual([0, 'Success! Data written to: keymgmt/key/app/trim\n'])
  expect(stderr).toContain('KMS keys scheduled for deletion: 2; this ends $2.00 a month')
  expect(stderr).toMatch(/last use of version 1 in k, us-west-1 .*: none since/)
  expect(flat(stderr)).toMatch(
    /AWS will delete the KMS keys of the trimmed versions, the first on 20.* Until then, cancel it with: keymgmt write keymgmt\/key\/app\/trim min_available_version=0/,
  )
  expect(states()).toEqual([
    ['pending', 'kept', 'kept'],
    ['pending', 'kept', 'kept'],
  ])
  expect(await testbed.ok('read -field=min_available_version keymgmt/key/app')).toBe('2')
  const { data } = JSON.parse(await testbed.ok('read -format=json keymgmt/kms/k/key/app')) as {
    data: { versions: object; trimmed: object }
  }
  expect([Object.keys(data.versions), Object.keys(data.trimmed)]).toEqual([['2', '3'], ['1']])
  expect(await testbed.ok('read keymgmt/kms/k/key/app/verify')).toMatch(
    /1 .* trimmed, deletion on 20/,
  )
  const refused = await testbed.run('write keymgmt/key/app min_enabled_version=0')
  expect(refused.stderr).toContain('trim min_available_version=0')
  const back = await testbed.run(`${TRIM}=0`)
  expect([back.status, back.stderr]).toEqual([
    0,
    '  KMS keys no longer scheduled for deletion: 2; they cost $2.00 a month\n',
  ])
  await testbed.ok('write keymgmt/key/app min_enabled_version=0')
  await testbed.ok('read keymgmt/kms/k/key/app/verify')
})

it('refuses a version that was used within 30 days, unless allow_recent_use=true', async () => {
  const [first] = testbed.kms.account.region('eu-west-1').keys.values()
  await testbed
    .client('eu-west-1')
    .send(new EncryptCommand({ KeyId: first?.id, Plaintext: Buffer.from('text') }))
  await testbed.ok('write keymgmt/key/app min_enabled_version=3')
  const { status, stdout, stderr } = await testbed.run(`${TRIM}=3 -format=json`)
  expect([status, stdout]).toEqual([2, ''])
  const { error } = JSON.parse(stderr) as {
    error: { code: string; message: string; hints: string[] }
  }
  expect(error.code).toBe('KMS_KEY_IN_USE')
  expect(error.message).toMatch(
    /versions of app may still be in use: version 1 in k, eu-west-1: it was last used on 20\S+ \(Encrypt\)$/,
  )
  expect(states().flat()).not.toContain('pending')
  const hint = error.hints.find((each) => each.includes('allow_recent_use')) ?? ''
  await testbed.ok(hint.replace(/^.*: keymgmt /, ''))
  expect(
    states()
      .flat()
      .filter((state) => state === 'pending'),
  ).toHaveLength(4)
})
