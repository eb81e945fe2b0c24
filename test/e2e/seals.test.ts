import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIGURE } from '../support/flows.js'
import { copyFolder, createTestbed, type Testbed } from '../support/keymgmt.js'
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
  it('opens with each of them, and lists the seals that it tried', async () => {
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

  it('has snapshots that each of them opens, and that bring its seals to another place', async () => {
    const arn = await createSealKey()
    await testbed.ok(CONFIGURE, { env: { KEYMGMT_SEAL: `keyfile,awskms:${arn}` } })
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const file = join(testbed.home, 'backup.snapshot')
    await testbed.ok(`operator snapshot save ${file}`)
    const seals = ['keyfile', `awskms:${arn}`]
    const env = { KEYMGMT_HOME: join(testbed.home, 'restored') }
    expect(
      dataOf(await testbed.ok(`operator snapshot inspect ${file} -format=json`, { env })),
    ).toMatchObject({ seals })
    await testbed.ok(`operator snapshot restore ${file}`, { env })
    expect(dataOf(await testbed.ok('status -format=json', { env }))).toMatchObject({
      keys: 1,
      seals,
    })
    expect(existsSync(join(env.KEYMGMT_HOME, 'keyfile'))).toBe(false)
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
    ['-seal=nothing', 1, 'the seals are keyfile, passphrase, age:RECIPIENT, awskms:ARN'],
    ['-seal=awskms', 1, 'the seals are keyfile, passphrase'],
    ['-seal=awskms:alias/seal', 2, 'aws kms describe-key'],
  ])('is not created with %s', async (flag, status, says) => {
    const ran = await testbed.run(`operator init ${flag}`)
    expect([ran.status, ran.stdout]).toEqual([status, ''])
    expect(ran.stderr).toContain(says)
    expect(readdirSync(testbed.home)).toEqual([])
  })
})

const KILLER = new URL('../support/kill-at-file-operation.js', import.meta.url).href

describe('operator rekey', () => {
  it('exchanges seals, warns about the root key, and can be repeated', async () => {
    await testbed.ok(CONFIGURE)
    const arn = await createSealKey()
    const rekeyed = await testbed.run(`operator rekey -add=awskms:${arn} -remove=keyfile`)
    expect(rekeyed.status).toBe(0)
    expect(rekeyed.stdout).toContain(`seals      [awskms:${arn}]`)
    expect(rekeyed.stderr.replace(/\s+/g, ' ')).toContain('The root key is still the same.')
    rmSync(join(testbed.home, 'keymgmt', 'keyfile'))
    await testbed.ok('list keymgmt/kms')
    const again = await testbed.run(`operator rekey -add=awskms:${arn} -remove=keyfile`)
    expect([again.status, again.stderr]).toEqual([
      0,
      expect.stringContaining('Nothing was changed'),
    ])
    const last = await testbed.run(`operator rekey -remove=awskms:${arn}`)
    expect([last.status, last.stdout]).toEqual([2, ''])
    expect(last.stderr).toContain('-add=SEAL')
    expect((await testbed.run('operator rekey')).status).toBe(1)
  })

  it('can be killed at each change of a file, and run again', async () => {
    const arn = await createSealKey()
    await testbed.ok(CONFIGURE, { env: { KEYMGMT_SEAL: `awskms:${arn}` } })
    const home = join(testbed.home, 'keymgmt')
    const original = join(testbed.home, 'original')
    copyFolder(home, original)
    const line = `operator rekey -add=keyfile -remove=awskms:${arn} -format=json`
    for (let n = 1; ; n++) {
      rmSync(home, { recursive: true })
      copyFolder(original, home)
      const env = {
        NODE_OPTIONS: `--import=${KILLER}`,
        KILL_BELOW: home,
        KILL_AT_FILE_OPERATION: String(n),
      }
      const killed = await testbed.run(line, { env })
      if (killed.status !== null) {
        expect([n > 10, killed.status]).toEqual([true, 0])
        break
      }
      expect([n, dataOf(await testbed.ok(line))]).toEqual([
        n,
        expect.objectContaining({ seals: ['keyfile'] }),
      ])
    }
    testbed.requests.length = 0
    await testbed.ok('read keymgmt/kms/k')
    expect(testbed.requests).toEqual([])
  }, 180_000)

  it('keeps the changes of two commands at a time, and survives a lost reply, on S3', async () => {
    let dropped = 0
    const server = await startS3Server({
      fault: ({ method, key }) =>
        method === 'PUT' && key === 'prod/seal.json' && dropped++ === 1
          ? { at: 'after', drop: true }
          : undefined,
    })
    const env = { KEYMGMT_HOME: '', KEYMGMT_STORE: storeUrl(server) }
    const arns = [await createSealKey(), await createSealKey('us-east-1')]
    await testbed.ok('operator init', { env })
    await Promise.all(arns.map((arn) => testbed.ok(`operator rekey -add=awskms:${arn}`, { env })))
    const { seals } = dataOf(await testbed.ok('status -format=json', { env }))
    expect([...(seals as string[])].sort()).toEqual(
      ['keyfile', ...arns.map((arn) => `awskms:${arn}`)].sort(),
    )
    expect(dropped).toBeGreaterThan(2)
    await server.close()
  })
})

describe('operator seal-status', () => {
  it('shows which seal opens the store here, and why the others do not', async () => {
    const arn = await createSealKey()
    await testbed.ok(CONFIGURE, {
      env: { KEYMGMT_SEAL: `keyfile,passphrase,awskms:${arn}`, KEYMGMT_PASSPHRASE: 'a passphrase' },
    })
    rmSync(join(testbed.home, 'keymgmt', 'keyfile'))
    const env = { KEYMGMT_PASSPHRASE: 'a wrong one' }
    const { seals } = dataOf(await testbed.ok('operator seal-status -format=json', { env }))
    expect(seals).toEqual([
      {
        seal: 'keyfile',
        outcome: 'untried',
        reason: expect.stringContaining('the keyfile is missing') as unknown,
        hints: [expect.stringContaining('KEYMGMT_KEYFILE')],
      },
      {
        seal: 'passphrase',
        outcome: 'fails',
        reason: 'the passphrase does not open this store',
        hints: [expect.any(String)],
      },
      { seal: `awskms:${arn}`, outcome: 'opens', reason: '', hints: [] },
    ])
    const shown = await testbed.run('operator seal-status', {
      env: { AWS_ACCESS_KEY_ID: 'AKIDUNKNOWN' },
    })
    expect(shown.status).toBe(2)
    expect(shown.stdout).toContain('not tried')
    expect(shown.stdout).toContain('does not open')
  })

  it('is refused without a store, and does not create one', async () => {
    const ran = await testbed.run('operator seal-status')
    expect([ran.status, ran.stdout]).toEqual([2, ''])
    expect(ran.stderr).toContain('there is no store in')
    expect(existsSync(join(testbed.home, 'keymgmt'))).toBe(false)
  })
})

describe('a seal for a recipient of age', () => {
  it('is escrow: it needs the identity only to open the store', async () => {
    const identity = await generateIdentity()
    const recipient = await identityToRecipient(identity)
    await testbed.ok(CONFIGURE)
    const added = await testbed.run(`operator rekey -add=age:${recipient}`)
    expect([added.status, added.stderr.replace(/\s+/g, ' ')]).toEqual([
      0,
      expect.stringContaining(`could not prove that it opens the store`),
    ])
    const left = await testbed.run('operator rekey -remove=keyfile')
    expect(left.stderr).toContain('no seal that would remain opens the store here')
    const file = join(testbed.home, 'identity.txt')
    writeFileSync(file, `# public key: ${recipient}\n${identity}\n`, { mode: 0o600 })
    const env = { KEYMGMT_AGE_IDENTITY_FILE: file }
    const removed = await testbed.run('operator rekey -remove=keyfile -format=json', { env })
    expect([removed.status, removed.stderr]).toEqual([0, ''])
    expect(dataOf(removed.stdout)).toMatchObject({ seals: [`age:${recipient}`] })
    await testbed.ok('read keymgmt/kms/k', { env })
    const closed = await testbed.run('read keymgmt/kms/k')
    expect([closed.status, closed.stdout]).toEqual([2, ''])
    expect(closed.stderr).toContain('KEYMGMT_AGE_IDENTITY_FILE is not set')
  })

  it('is refused if it is an identity, which is repeated nowhere', async () => {
    const identity = await generateIdentity()
    for (const [line, env] of [
      [`operator init -seal=age:${identity}`, {}],
      ['operator init', { KEYMGMT_SEAL: `age:${identity}` }],
    ] as const) {
      const { status, stdout, stderr } = await testbed.run(line, { env })
      expect([status === 0, stdout]).toEqual([false, ''])
      expect(stderr).toContain('contains an age identity, which is secret')
      expect(stderr).not.toContain(identity)
    }
  })
})
