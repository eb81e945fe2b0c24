import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startDevKms } from '../../src/dev-kms/index.js'
import { startInspectedAws, type InspectedAws } from '../support/inspected-aws.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const PROVIDER = 'write keymgmt/kms/k provider=awskms key_collection=us-west-1'
const KEY = 'write -f keymgmt/key/app type=aes256-gcm96'
const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
const IDENTITY = 'read -format=json keymgmt/kms/k/identity'
const OTHER = '444455556666'

const dataOf = (stdout: string) => (JSON.parse(stdout) as { data: unknown }).data

describe('the account of a provider', () => {
  let testbed: Testbed
  beforeEach(async () => {
    testbed = await createTestbed()
    await testbed.ok(PROVIDER)
    await testbed.ok(KEY)
  })
  afterEach(() => testbed.close())

  it('is in the records, with the endpoint, once it has a KMS key', async () => {
    const chain = 'environment, shared files or role of the machine'
    const settings = { key_collection: 'us-west-1', provider: 'awskms', credentials_source: chain }
    const read = 'read -format=json keymgmt/kms/k'
    expect(dataOf(await testbed.ok(read))).toEqual(settings)
    await testbed.ok(DISTRIBUTE)
    const sent = testbed.requests.length
    expect(dataOf(await testbed.ok(read))).toEqual({
      ...settings,
      account: '111122223333',
      partition: 'aws',
      endpoint: testbed.kms.endpoint,
    })
    expect(testbed.requests).toHaveLength(sent)
  })

  it("is compared with the caller's account, which STS names", async () => {
    const caller = {
      account: '111122223333',
      partition: 'aws',
      arn: 'arn:aws:iam::111122223333:user/dev',
      endpoint: testbed.kms.endpoint,
    }
    expect(dataOf(await testbed.ok(IDENTITY))).toEqual(caller)
    await testbed.ok(DISTRIBUTE)
    expect(dataOf(await testbed.ok(IDENTITY))).toEqual({ ...caller, matches: true })
  })

  it('differs from the account of a caller with other credentials', async () => {
    await testbed.ok(DISTRIBUTE)
    const { accessKeyId, secretAccessKey } = testbed.kms.credentials
    const other = await startDevKms({
      accountId: OTHER,
      credentials: { [accessKeyId]: secretAccessKey },
    })
    const env = { AWS_ENDPOINT_URL_STS: other.endpoint }
    const ran = await testbed.run(IDENTITY.replace(' -format=json', ''), { env })
    await other.close()
    expect(ran.status).toBe(0)
    expect(ran.stdout).toMatch(/matches +false/)
    expect(ran.stderr).toContain('The KMS keys of k are in AWS account 111122223333')
  })

  it.each([
    [
      'refuses',
      403,
      '<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>',
      'InvalidClientTokenId',
    ],
    ['is a page of a proxy', 200, '<html>', 'which is not a response of AWS'],
    [
      'names no account',
      200,
      '<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>',
      'no valid Account',
    ],
  ])('is an error if STS %s', async (_title, status, body, says) => {
    const server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/xml' }).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const env = {
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    }
    const ran = await testbed.run(IDENTITY, { env })
    await new Promise((resolve) => server.close(resolve))
    expect([ran.status, ran.stdout]).toEqual([2, ''])
    expect(ran.stderr).toContain('GetCallerIdentity in us-west-1 (provider k) for the caller')
    expect(ran.stderr).toContain(says)
  })

  it('needs no permission to be read', async () => {
    const ran = await testbed.run('read -output-policy keymgmt/kms/k/identity')
    expect([ran.status, ran.stdout]).toEqual([0, ''])
    expect(ran.stderr).toContain('This command needs no IAM permission')
  })

  it('of a provider that does not exist is an error', async () => {
    const ran = await testbed.run('read keymgmt/kms/none/identity')
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain('none')
  })
})

// STS is called only for AWS's own endpoint: it knows nothing about another service.
describe('without permission to list aliases', () => {
  let testbed: Testbed
  let inspected: InspectedAws
  beforeEach(async () => {
    // The first one reads the account of the first KMS key. Then one looks for a newer version, and
    // one reads the account again.
    testbed = await createTestbed({
      faults: [1, 2, 3].map((nth) => ({ operation: 'ListAliases', nth, kind: 'denied' })),
    })
    const hosts = ['kms.us-west-1.amazonaws.com', 'sts.us-west-1.amazonaws.com']
    inspected = await startInspectedAws(testbed, hosts)
    await testbed.ok(PROVIDER)
    await testbed.ok(KEY)
    await testbed.ok(DISTRIBUTE, { env: inspected.env })
    testbed.requests.length = 0
  })
  afterEach(async () => {
    await inspected.close()
    await testbed.close()
  })
  const ROTATE = 'write -f keymgmt/key/app/rotate'

  it('STS names the account before a KMS key is created', async () => {
    inspected.aws.caller = OTHER
    const ran = await testbed.run(ROTATE, { env: inspected.env })
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain(`the credentials are of account ${OTHER}: nothing was changed`)
    expect(testbed.requests.map(({ operation }) => operation)).toEqual([
      'ListAliases',
      'ListAliases',
    ])
  })

  it('the right account is accepted', async () => {
    await testbed.ok(ROTATE, { env: inspected.env })
    expect(inspected.aws.requests.map(({ host }) => host)).toContain('sts.us-west-1.amazonaws.com')
  })
})
