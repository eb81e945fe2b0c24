import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { startDevKms, type DevKms, type DevKmsRequest } from '../../src/dev-kms/index.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const OTHER = '444455556666'
const APP = 'write -f keymgmt/kms/k/key/app'
const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
const ROTATE = 'write -f keymgmt/key/app/rotate'

// The account is checked before material leaves: the first KMS key pins it.
describe('with credentials of another account', () => {
  let testbed: Testbed
  let others: DevKms[]
  let requests: DevKmsRequest[]
  let interrupt: (operation: string) => void
  beforeEach(async () => {
    testbed = await createTestbed({ inProcess: true })
    others = []
    requests = []
    interrupt = () => undefined
    await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await testbed.ok(DISTRIBUTE)
  })
  afterEach(async () => {
    await Promise.all(others.map((other) => other.close()))
    await testbed.close()
  })

  const elsewhere = async (policy?: object) => {
    const { accessKeyId, secretAccessKey } = testbed.kms.credentials
    const kms = await startDevKms({
      accountId: OTHER,
      credentials: { [accessKeyId]: secretAccessKey },
      policies: policy ? { [accessKeyId]: policy } : {},
      onRequest: (request) => {
        requests.push(request)
        interrupt(request.operation)
      },
    })
    others.push(kms)
    return { AWS_ENDPOINT_URL_KMS: kms.endpoint }
  }
  /** The operations, each once, in the order of their first requests. */
  const operations = () => [...new Set(requests.map(({ operation }) => operation))]

  it('a rotation is refused before anything is created', async () => {
    const ran = await testbed.run(ROTATE, { env: await elsewhere() })
    expect([ran.status, operations()]).toEqual([2, ['ListAliases']])
    expect(ran.stderr).toContain('in k are in AWS account 111122223333')
    expect(ran.stderr).toContain(`the credentials are of account ${OTHER}`)
    expect(ran.stderr).toContain('use credentials of account 111122223333')
    expect(ran.stderr).toMatch(/keymgmt\/kms\/k-2 provider=awskms key_collection=us-west-1$/m)
    await testbed.ok(ROTATE)
    await testbed.ok('read keymgmt/kms/k/key/app/verify')
  })

  it('if aliases cannot be listed, the created KMS key gets no material and is scheduled for deletion', async () => {
    const env = await elsewhere({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
        { Effect: 'Deny', Action: 'kms:ListAliases', Resource: '*' },
      ],
    })
    const ran = await testbed.run(ROTATE, { env })
    expect([ran.status, operations()]).toEqual([
      2,
      ['ListAliases', 'CreateKey', 'ScheduleKeyDeletion'],
    ])
    expect(ran.stderr).toMatch(/:444455556666:key\/\S+, which is empty, is scheduled for deletion/)
    await testbed.ok(ROTATE)
    await testbed.ok('read keymgmt/kms/k/key/app/verify')
  })

  it.each([
    ['replicate', [], 'write -f keymgmt/kms/k/key/pair/replicate'],
    ['restore after a revocation', ['write -f keymgmt/kms/k/key/app/revoke'], `${APP}/restore`],
    ['restore after a removal', ['delete keymgmt/kms/k/key/app'], `${APP}/restore`],
    ['distribute again', ['delete keymgmt/kms/k/key/app'], DISTRIBUTE],
    ['repair', [], `${APP}/repair`],
    ['verify', [], 'read keymgmt/kms/k/key/app/verify challenge=true'],
    ['delete', [], 'delete keymgmt/kms/k/key/app'],
  ])('%s is refused, and nothing is sent', async (_title, prepare, line) => {
    await testbed.ok('write keymgmt/key/pair type=ecdsa-p256 replica_regions=eu-west-1')
    await testbed.ok('write keymgmt/kms/k/key/pair purpose=sign,verify')
    for (const command of prepare) await testbed.ok(command)
    const ran = await testbed.run(line, { env: await elsewhere() })
    // A removal asks for the last use of the KMS keys, which changes nothing.
    const sent = operations().filter((operation) => operation !== 'GetKeyLastUsage')
    expect([ran.status, sent]).toEqual([2, ['ListAliases']])
    expect(ran.stderr).toContain(`the credentials are of account ${OTHER}: nothing was changed`)
    await testbed.ok(line)
  })

  it.each([`${APP}/revoke`, 'write keymgmt/key/app type=aes256-gcm96 min_enabled_version=2'])(
    '%s, which AWS refuses by the ARN, says so too',
    async (line) => {
      await testbed.ok(ROTATE)
      const ran = await testbed.run(line, { env: await elsewhere() })
      expect(ran.status).toBe(2)
      expect(ran.stderr).toContain(`the credentials are of account ${OTHER}: nothing was changed`)
      await testbed.ok(line)
    },
  )

  it('an interrupted first distribution is not repeated in a second account', async () => {
    const distribute = 'write keymgmt/kms/k/key/fresh purpose=encrypt,decrypt'
    await testbed.ok('write -f keymgmt/key/fresh type=aes256-gcm96')
    const env = await elsewhere()
    const { status } = await testbed.run(distribute, {
      env,
      onSpawn: (kill) => {
        interrupt = (operation) => {
          if (operation === 'CreateKey') kill()
        }
      },
    })
    expect(status).toBe(null)
    interrupt = () => undefined
    for (const line of [distribute, 'write -f keymgmt/kms/k/key/fresh/repair']) {
      const sent = testbed.requests.length
      const refused = await testbed.run(line)
      expect(refused.status).toBe(2)
      expect(refused.stderr).toMatch(/the KMS keys of fresh in k (may be|are) in AWS account 4444/)
      expect(testbed.requests.slice(sent).map(({ operation }) => operation)).toEqual([
        'ListAliases',
      ])
    }
    await testbed.ok(distribute, { env })
    expect(requests.filter(({ operation }) => operation === 'CreateKey')).toHaveLength(1)
  })

  it('a distribution that was created at an embedded KMS is refused elsewhere', async () => {
    const ran = await testbed.run(ROTATE, { env: { AWS_ENDPOINT_URL_KMS: 'https://192.0.2.1' } })
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain(`was created at an embedded KMS (${testbed.kms.endpoint})`)
    await testbed.ok(ROTATE)
  })
})
