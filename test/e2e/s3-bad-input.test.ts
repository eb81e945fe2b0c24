import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { startS3Server, storeUrl, type S3Server } from '../support/s3-server.js'

// Each mistake with a store on S3 is an error that names it, and changes nothing.

let testbed: Testbed
let server: S3Server
let env: Record<string, string>
beforeEach(async () => {
  testbed = await createTestbed()
  server = await startS3Server()
  env = { KEYMGMT_HOME: '', KEYMGMT_STORE: storeUrl(server) }
})
afterEach(async () => {
  await testbed.close()
  await server.close()
})

const run = (line: string, more: Record<string, string> = {}) =>
  testbed.run(line, { env: { ...env, ...more } })
const READ = 'read keymgmt/key/app'
const WRITE = 'write -f keymgmt/key/app type=aes256-gcm96'
const changes = () => server.requests.filter(({ method }) => method !== 'GET')

describe('the URL', () => {
  const at = (rest: string) => `s3://acme-keys/prod?region=eu-west-1${rest}`

  it.each([
    ['gs://acme-keys/prod', 'has the unsupported scheme gs:', 'a file: or s3: URL'],
    ['https://acme-keys.s3.amazonaws.com', 'has the unsupported scheme https:', 's3: URL'],
    ['s3:///prod?region=eu-west-1', 'names no bucket', 's3://BUCKET/PREFIX?region=REGION'],
    ['s3://acme-keys/prod', 'names no Region', 'add the Region of the bucket'],
    [at('&endpoint=http://192.0.2.1'), 'is not https', 'use https://'],
  ])('%s: %s', async (KEYMGMT_STORE, problem, hint) => {
    for (const line of [READ, WRITE, 'operator init', 'status', 'policy store']) {
      const { status, stdout, stderr } = await run(line, { KEYMGMT_STORE })
      expect([status, stdout]).toEqual([2, ''])
      expect(stderr).toContain(problem)
      expect(stderr).toContain(hint)
    }
  })

  it.each([
    's3://AKIAIOSFODNN7EXAMPLE:hunter22hunter22@acme-keys/prod?region=eu-west-1',
    'https://me:hunter22hunter22@acme-keys.s3.amazonaws.com/prod',
    at('&secret_access_key=hunter22hunter22'),
    at('&X-Amz-Security-Token=hunter22hunter22'),
    at('&endpoint=https://me:hunter22hunter22@s3.example.com'),
    at('&colour=hunter22hunter22'),
  ])('%s: the secret is not repeated', async (url) => {
    const ran = [
      await run(READ, { KEYMGMT_STORE: url }),
      await run('operator init -format=json', { KEYMGMT_STORE: url }),
      await run(`config store=${url}`, { KEYMGMT_STORE: '' }),
    ]
    for (const { status, stdout, stderr } of ran) {
      expect([status === 0, stdout]).toEqual([false, ''])
      expect(stderr).toMatch(/KEYMGMT_STORE|the setting store/)
      expect(stderr).not.toContain('hunter')
    }
  })

  it('and KEYMGMT_HOME are both set', async () => {
    const ran = await run(READ, { KEYMGMT_HOME: join(testbed.home, 'keymgmt') })
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain('KEYMGMT_STORE and KEYMGMT_HOME are both set')
    expect(ran.stderr).toContain('unset one of them')
    expect(server.requests).toEqual([])
  })
})

it('no credentials: the error names the store and how to give them', async () => {
  const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }
  for (const line of [READ, 'operator init']) {
    const { status, stderr } = await run(line, none)
    expect(status).toBe(2)
    expect(stderr).toContain(`the store ${storeUrl(server)}: no AWS credentials`)
    expect(stderr).toContain('set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  }
  expect(server.requests).toEqual([])
})

describe('a store of a newer keymgmt', () => {
  const text = (key: string) => server.versions.get(key)?.at(-1)?.body.toString('latin1') ?? ''
  const replace = (key: string, body: string) => {
    const versions = server.versions.get(key) as unknown[]
    versions.push({ etag: '"newer"', body: Buffer.from(body, 'latin1') })
  }

  it.each([
    ['prod/seal.json', (body: string) => body.replace(/"format": *\d+/, '"format": 99')],
    ['prod/records/key/app', (body: string) => `\x63${body.slice(1)}`],
  ])('is not read or changed: %s', async (key, change) => {
    await testbed.ok('operator init', { env })
    await testbed.ok(WRITE, { env })
    replace(key, change(text(key)))
    const before = changes().length
    for (const line of [READ, 'write -f keymgmt/key/app/rotate']) {
      const { status, stderr } = await run(line, { KEYMGMT_FORMAT: 'json' })
      expect(status).toBe(2)
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'STORE_VERSION' } })
      expect(stderr).toContain('newer keymgmt')
    }
    const written = changes().slice(before)
    expect(written.filter(({ key: name }) => !name.includes('/leases/'))).toEqual([])
  })
})

it('a snapshot of another store is not restored over records', async () => {
  const file = join(testbed.home, 'other.snapshot')
  const other = { env: { ...env, KEYMGMT_STORE: storeUrl(server, 'other') } }
  for (const line of ['operator init', WRITE, `operator snapshot save ${file}`])
    await testbed.ok(line, other)
  await testbed.ok('operator init', { env })
  await testbed.ok(WRITE, { env })
  const before = [...server.versions].map(([key, all]) => [key, all.length])
  for (const flags of ['', '-force', '-check']) {
    const { status, stderr } = await run(`operator snapshot restore ${flags} ${file}`)
    expect(status).toBe(2)
    expect(stderr).toContain('has records of another store')
  }
  expect([...server.versions].map(([key, all]) => [key, all.length])).toEqual(before)
})

describe('the bucket', () => {
  it('of an account that is not expected_owner is refused, and the one of the expected account is used', async () => {
    const owned = (owner: string) => ({
      KEYMGMT_STORE: `${storeUrl(server)}&expected_owner=${owner}`,
    })
    await testbed.ok('operator init', { env: { ...env, ...owned('111122223333') } })
    const { status, stderr } = await run(READ, owned('999988887777'))
    expect(status).toBe(2)
    expect(stderr).toContain('AccessDenied')
    expect(stderr).toContain('check expected_owner= in its URL')
    const owners = server.requests.map(({ headers }) => headers['x-amz-expected-bucket-owner'])
    expect(new Set(owners)).toEqual(new Set(['111122223333', '999988887777']))
  })

  it('can be in another account and Region than the KMS keys', async () => {
    const { accessKeyId, secretAccessKey } = testbed.kms.credentials
    const bucketUser = { AWS_ACCESS_KEY_ID: 'AKIABUCKET', AWS_SECRET_ACCESS_KEY: 'of-the-bucket' }
    const own = { env: { ...env, ...bucketUser } }
    await testbed.ok('operator init', own)
    await testbed.ok(
      `write keymgmt/kms/aws provider=awskms key_collection=us-west-1 credentials=access_key=${accessKeyId} credentials=secret_key=${secretAccessKey}`,
      own,
    )
    await testbed.ok(WRITE, own)
    await testbed.ok('write keymgmt/kms/aws/key/app purpose=encrypt,decrypt', own)
    for (const { headers } of server.requests)
      expect(headers.authorization).toMatch(/Credential=AKIABUCKET\/\d+\/eu-west-1\/s3\//)
    const users = testbed.requests.map((request) => [request.accessKeyId, request.region])
    expect(new Set(users.map(String))).toEqual(new Set([`${accessKeyId},us-west-1`]))
  })
})
