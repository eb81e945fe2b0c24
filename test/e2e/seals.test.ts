import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIGURE } from '../support/flows.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { startS3Server, storeUrl, type S3Server } from '../support/s3-server.js'

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed()
})
afterEach(() => testbed.close())

const createSealKey = async (region = 'eu-west-1') => {
  const { KeyMetadata } = await testbed.client(region).send(new CreateKeyCommand({}))
  return KeyMetadata?.Arn ?? ''
}
const dataOf = (stdout: string) =>
  (JSON.parse(stdout) as { data: Readonly<Record<string, unknown>> }).data

describe('a store on S3 that a KMS key seals', () => {
  let server: S3Server
  let env: Record<string, string>
  beforeEach(async () => {
    server = await startS3Server()
    env = { KEYMGMT_HOME: '', KEYMGMT_STORE: storeUrl(server) }
  })
  afterEach(() => server.close())

  it('opens with nothing but AWS credentials', async () => {
    const arn = await createSealKey()
    const created = await testbed.run(`operator init -seal=awskms:${arn} -format=json`, { env })
    expect([created.status, created.stderr]).toEqual([
      0,
      expect.stringContaining(`sealed with awskms:${arn}.\nNothing opens the store without it.`),
    ])
    expect(dataOf(created.stdout)).toMatchObject({ keyfile: '', seals: [`awskms:${arn}`] })
    await testbed.ok(CONFIGURE, { env })
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96', { env })
    expect(existsSync(join(testbed.home, '.config'))).toBe(false)
    const elsewhere = { ...env, HOME: join(testbed.home, 'another-machine') }
    await testbed.ok('write -f keymgmt/key/app/rotate', { env: elsewhere })
    expect(dataOf(await testbed.ok('status -format=json', { env }))).toMatchObject({
      seals: [`awskms:${arn}`],
      seal_keyfile: '',
    })
    const client = testbed.client('eu-west-1')
    await client.send(new DisableKeyCommand({ KeyId: arn }))
    const closed = await testbed.run('read keymgmt/key/app', { env })
    expect([closed.status, closed.stdout]).toEqual([2, ''])
    expect(closed.stderr).toContain(`KMS key ${arn} is disabled`)
    expect(closed.stderr).toContain(`hint: enable it: aws kms enable-key --key-id ${arn}`)
    await client.send(new EnableKeyCommand({ KeyId: arn }))
    await testbed.ok('read keymgmt/key/app', { env })
  })

  it('is not created with a KMS key that cannot seal it', async () => {
    const { KeyMetadata } = await testbed
      .client()
      .send(new CreateKeyCommand({ Origin: 'EXTERNAL' }))
    const ran = await testbed.run(`operator init -seal=awskms:${KeyMetadata?.Arn ?? ''}`, { env })
    expect([ran.status, ran.stdout]).toEqual([2, ''])
    expect(ran.stderr).toContain('has imported material')
    expect(server.versions.get('prod/seal.json')).toBeUndefined()
  })
})

describe('a local store with several seals', () => {
  it('opens with each of them, and tells what it tried', async () => {
    const arn = await createSealKey()
    const env = { KEYMGMT_SEAL: `keyfile,awskms:${arn}` }
    const created = await testbed.run(CONFIGURE, { env })
    expect(created.stderr).toContain(`2 seals: keyfile, awskms:${arn}`)
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    testbed.requests.length = 0
    await testbed.ok('read keymgmt/key/app')
    expect(testbed.requests).toEqual([])
    rmSync(join(testbed.home, 'keymgmt', 'keyfile'))
    await testbed.ok('read keymgmt/key/app')
    expect(testbed.requests.map(({ operation }) => operation)).toEqual(['Decrypt'])
    const { stderr, status } = await testbed.run('read keymgmt/key/app', {
      env: { AWS_ACCESS_KEY_ID: 'AKIDUNKNOWN' },
    })
    expect(status).toBe(2)
    expect(stderr.replace(/\s+/g, ' ')).toContain('none of the 2 seals of this store opens it here')
    expect(stderr).toContain('awskms:')
    expect(stderr).toContain('keyfile: restore the file')
  })

  it('does not adopt the KMS key that seals it', async () => {
    const arn = await createSealKey('us-west-1')
    await testbed.ok(CONFIGURE, { env: { KEYMGMT_SEAL: `awskms:${arn}` } })
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const ran = await testbed.run(`write keymgmt/kms/k/key/app/adopt key_id=${arn}`)
    expect([ran.status, ran.stdout]).toEqual([2, ''])
    expect(ran.stderr).toContain('seals this store')
  })

  it.each([
    ['-seal=keyfile,keyfile', 1, 'twice'],
    ['-seal=nothing', 1, 'the seals are keyfile, passphrase'],
    ['-seal=awskms', 1, 'the seals are keyfile, passphrase'],
    ['-seal=awskms:alias/seal', 2, 'aws kms describe-key'],
  ])('is not created with %s', async (flag, status, says) => {
    const ran = await testbed.run(`operator init ${flag}`)
    expect([ran.status, ran.stdout]).toEqual([status, ''])
    expect(ran.stderr).toContain(says)
    expect(readdirSync(testbed.home)).toEqual([])
  })
})
