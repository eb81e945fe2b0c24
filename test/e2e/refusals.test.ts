import { ListKeysCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  chmodSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const SECRET = 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w'

/** Line, exit status, and texts on stderr: the subject and the next step. */
const REFUSALS: readonly (readonly [line: string, status: number, ...says: string[]])[] = [
  ['read', 1, 'Not enough arguments (expected 1, got 0)'],
  ['list keymgmt/key extra', 1, 'Too many arguments (expected 1, got 2)'],
  ['write keymgmt/key/app', 1, 'Must supply data or use -force'],
  ['write keymgmt/key/app foo', 1, 'Failed to parse K=V data', 'format must be key=value'],
  ['write keymgmt/key/app type=@/nope', 1, 'no such file or directory', '\\@'],
  ['write keymgmt/key/app a=- b=-', 1, 'stdin already consumed'],
  ['read -bogus keymgmt/key/app', 1, 'flag provided but not defined: -bogus'],
  ['read -format=nope keymgmt/key/app', 1, 'Invalid output format: nope'],
  ['read -field=nope keymgmt/key/app', 1, 'Field "nope" not present in secret'],
  ['read -field=nam keymgmt/key/app', 1, 'Field "nam" not present', 'did you mean "name"?'],
  ['reed keymgmt/key/app', 127, 'reed'],
  ['read secret/foo', 2, 'keymgmt/'],
  ['read keymgmt/keys/app', 2, 'did you mean "keymgmt/key/app"?'],
  ['read keymgmt/key/none', 2, 'No value found at keymgmt/key/none'],
  ['list keymgmt/kms/none/key', 2, 'No value found at keymgmt/kms/none/key'],
  ['write keymgmt/key/new type=aes', 2, 'unsupported key type "aes"', 'aes256-gcm96'],
  ['write keymgmt/key/new tyep=aes256-gcm96', 2, 'did you mean "type"?'],
  ['raed keymgmt/key/app', 127, 'did you mean "read"?'],
  ['write -f keymgmt/key/apd/rotate', 2, 'key "apd" not found', 'did you mean "app"?'],
  ['read keymgmt/kms/k/key/aolne/verify', 2, 'key "aolne" not found', 'did you mean "alone"?'],
  ['write -f keymgmt/kms/kk/key/app/repair', 2, 'KMS provider "kk" not found', 'mean "k"?'],
  ['write keymgmt/kms/k/key/alone purpose=wrap,unwrap', 2, 'AWS KMS has neither wrap nor unwrap'],
  ['write keymgmt/key/new/import material=key.pem', 2, 'write material=@key.pem'],
  ['write keymgmt/key/new/import material=fileb://x/key.bin', 2, 'write material=@x/key.bin'],
  ['write keymgmt/kms/x ./package.json', 1, 'to read JSON from a file, write @./package.json'],
  ['write \u2013f keymgmt/key/new', 1, 'an argument begins with a typographic dash'],
  ['write keymgmt/key/new type=\u201crsa-2048\u201d', 2, 'typographic quotes'],
  [
    'write keymgmt/key/app min_enbled_version=1',
    2,
    'unknown parameter "min_enbled_version"',
    'min_enabled_version',
  ],
  [
    'write keymgmt/key/app deletion_allowed=maybe',
    2,
    'field "deletion_allowed": expected true or false, not "maybe"',
  ],
  ['write keymgmt/key/app type=rsa-2048', 2, 'type', "can't be changed"],
  ['write keymgmt/key/app replica_regions=us-east-1', 2, 'replica_regions', "can't be changed"],
  [
    'write keymgmt/key/app min_enabled_version=9',
    2,
    'min_enabled_version is not a version of this key',
    'latest version is 1',
  ],
  ['write keymgmt/key/app min_enabled_version=-1', 2, 'min_enabled_version'],
  ['delete keymgmt/key/app', 2, 'is distributed to k', 'keymgmt delete keymgmt/kms/k/key/app'],
  ['delete keymgmt/key/alone', 2, 'deletion of alone is not allowed', 'deletion_allowed=true'],
  ['delete keymgmt/kms/k', 2, 'keys are distributed to k: app'],
  ['write -f keymgmt/key/none/rotate', 2, 'key "none" not found'],
  ['write keymgmt/kms/x provider=gcpckms key_collection=us-west-1', 2, 'provider', 'awskms'],
  ['write keymgmt/kms/x provider=awskms key_collection=nowhere', 2, 'key_collection', 'us-west-1'],
  ['write keymgmt/kms/x provider=awskms', 2, 'key_collection'],
  ['write keymgmt/kms/k key_collection=us-east-1', 2, 'key_collection', "can't be changed"],
  [`write keymgmt/kms/k credentials=${SECRET}`, 2, 'credentials'],
  [`write keymgmt/kms/k credentials=secret_key=${SECRET}`, 2, 'access_key'],
  [
    'write keymgmt/kms/k credentials=endpoint=http://kms.example.com',
    2,
    'is not https',
    '127.0.0.1',
  ],
  [
    'write keymgmt/kms/k/key/alone purpose=encrypt,sign',
    2,
    'purpose=encrypt,sign',
    'purpose=decrypt,encrypt',
  ],
  [
    'write keymgmt/kms/k/key/alone purpose=encrypt,decrypt protection=software',
    2,
    'protection=software',
    'protection=hsm',
  ],
  ['write keymgmt/kms/k/key/alone protection=hsm', 2, 'purpose'],
  ['write keymgmt/kms/k/key/none purpose=encrypt,decrypt', 2, 'key "none" not found'],
  ['write keymgmt/kms/none/key/alone purpose=encrypt,decrypt', 2, 'KMS provider "none" not found'],
  ['write keymgmt/kms/k/key/app purpose=sign,verify', 2, 'sign,verify'],
  ['write -f keymgmt/kms/k/key/app/replicate', 2, 'does not have replica_regions'],
]

describe('refusals', () => {
  let testbed: Testbed
  beforeAll(async () => {
    testbed = await createTestbed()
    await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await testbed.ok('write -f keymgmt/key/alone type=aes256-gcm96')
    await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
  })
  afterAll(() => testbed.close())

  const contents = () =>
    readdirSync(join(testbed.home, 'keymgmt'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.name} ${readFileSync(join(entry.parentPath, entry.name), 'utf8')}`)
      .sort()

  it.each(REFUSALS)('%s', async (line, status, ...says) => {
    const before = [contents(), testbed.requests.length]
    const ran = await testbed.run(line)
    expect(ran).toMatchObject({ status, stdout: '' })
    for (const part of says) expect(ran.stderr).toContain(part)
    expect(ran.stderr).not.toContain(SECRET)
    expect(ran.stderr).not.toMatch(/^\s+at /m)
    expect([contents(), testbed.requests.length]).toEqual(before)
  })

  it('prints JSON with -format=json', async () => {
    const { stdout, stderr, status } = await testbed.run(
      'write -format=json keymgmt/key/app type=rsa-2048',
    )
    expect([stdout, status]).toEqual(['', 2])
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'FIELD_IMMUTABLE', exit_status: 2 } })
  })

  it.each([
    ['wrong credentials', { AWS_SECRET_ACCESS_KEY: 'wrong' }, 'InvalidSignatureException'],
    [
      'no such credentials',
      { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' },
      'UnrecognizedClientException',
    ],
    [
      'an unreachable endpoint',
      { AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:9' },
      ' version 1: connect ECONNREFUSED 127.0.0.1:9\n',
    ],
    [
      'an endpoint that is neither https nor loopback',
      { AWS_ENDPOINT_URL_KMS: 'http://192.0.2.1' },
      'is not https',
    ],
  ])('%s: the error says so, and nothing remains in AWS', async (_what, env, says) => {
    const ran = await testbed.run('write keymgmt/kms/k/key/alone purpose=encrypt,decrypt', { env })
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect(ran.stderr).toContain(says)
    expect((await testbed.client().send(new ListKeysCommand({}))).Keys).toHaveLength(1)
  })
})

describe('a damaged or unsafe store', () => {
  let testbed: Testbed
  const record = (path: string) => join(testbed.home, 'keymgmt', 'store', `${path}.json`)
  beforeAll(async () => {
    testbed = await createTestbed()
    for (const name of ['one', 'two', 'three'])
      await testbed.ok(`write -f keymgmt/key/${name} type=aes256-gcm96`)
  })
  afterAll(() => testbed.close())

  const refused = async (line: string, says: string, env = {}) => {
    const ran = await testbed.run(line, { env })
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect(ran.stderr).toContain(says)
  }

  it('refuses a record that was copied over another', async () => {
    copyFileSync(record('key/one'), record('key/two'))
    await refused('read keymgmt/key/two', 'does not open')
  })
  it('refuses a truncated record, and does not overwrite it', async () => {
    writeFileSync(record('key/three'), '{"format":2,')
    await refused('write -f keymgmt/key/three type=aes256-gcm96', 'damaged')
    expect(readFileSync(record('key/three'), 'utf8')).toBe('{"format":2,')
  })
  it('refuses a record of a newer version', async () => {
    writeFileSync(record('key/three'), '{"format":3,"number":1,"value":""}')
    await refused('read keymgmt/key/three', 'newer keymgmt')
  })
  it('refuses a folder that other users can read', async () => {
    chmodSync(join(testbed.home, 'keymgmt'), 0o755)
    await refused('read keymgmt/key/one', 'chmod 700')
    chmodSync(join(testbed.home, 'keymgmt'), 0o700)
  })
  it('refuses to work without its keyfile, and creates no other', async () => {
    const keyfile = join(testbed.home, 'keymgmt', 'keyfile')
    renameSync(keyfile, `${keyfile}.away`)
    await refused('read keymgmt/key/one', 'is missing')
    await refused('write -f keymgmt/key/four type=aes256-gcm96', 'is missing')
    renameSync(`${keyfile}.away`, keyfile)
    await testbed.ok('read keymgmt/key/one')
  })
  it('refuses records without their seal header', async () => {
    const head = join(testbed.home, 'keymgmt', 'seal.json')
    renameSync(head, `${head}.away`)
    await refused('write -f keymgmt/key/four type=aes256-gcm96', 'seal.json is missing')
    renameSync(`${head}.away`, head)
  })
})

describe('a store sealed with a passphrase', () => {
  it('opens with that passphrase only', async () => {
    const testbed = await createTestbed()
    try {
      const file = join(testbed.home, 'passphrase')
      writeFileSync(file, 'correct horse battery staple\n', { mode: 0o600 })
      await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96', {
        env: { KEYMGMT_PASSPHRASE_FILE: file },
      })
      await testbed.ok('read keymgmt/key/app', {
        env: { KEYMGMT_PASSPHRASE: 'correct horse battery staple' },
      })
      const wrong = await testbed.run('read keymgmt/key/app', {
        env: { KEYMGMT_PASSPHRASE: 'wrong' },
      })
      expect(wrong).toMatchObject({ status: 2, stdout: '' })
      expect(wrong.stderr).toContain('the passphrase does not open this store')
      const none = await testbed.run('read keymgmt/key/app')
      expect(none.stderr).toContain('KEYMGMT_PASSPHRASE_FILE')
    } finally {
      await testbed.close()
    }
  })
})
