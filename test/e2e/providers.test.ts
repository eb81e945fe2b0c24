import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const ID = 'AKIAIOSFODNN7EXAMPLE'
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const PROVIDER = 'write keymgmt/kms/k provider=awskms'
const HERE = `${PROVIDER} key_collection=us-west-1`

/** Text without the line breaks of the terminal's width. */
const joined = (text: string) => text.replace(/\s+/g, ' ')

describe('a value that cannot be right is refused at once: no store is created', () => {
  let testbed: Testbed
  const file = (name: string) => join(testbed.home, name)
  beforeAll(async () => {
    testbed = await createTestbed()
    writeFileSync(file('secret'), `${SECRET}\r\n\r\n`)
  })
  afterAll(() => testbed.close())

  const REGION = [
    ['key_collection=us-wets-1', 'did you mean "us-west-1"'],
    ['key_collection=eu-centrl-1', 'did you mean "eu-central-1"'],
    ['key_collection=us-west-1a', 'key_collection takes text such as us-west-1'],
    ['key_collection=xx-nowhere-1', 'add allow_unknown_region=true'],
  ] as const
  it.each(REGION)('%s', async (field, hint) => {
    await refused(`${PROVIDER} ${field}`, hint)
  })

  it.each([
    ['us-east-1,eu-wset-1', 'did you mean "eu-west-1"'],
    ['us-east-1,cn-north-1', 'within one partition'],
    ['', 'a variable may be unset'],
  ])('replica_regions=%s', async (regions, hint) => {
    await refused(`write keymgmt/key/app replica_regions=${regions}`, hint)
    const material = `material=${'00ff'.repeat(16)} type=aes256-gcm96`
    await refused(`write keymgmt/key/app/import ${material} replica_regions=${regions}`, hint)
  })

  it.each([
    [`access_key=${ID}`, 'access_key needs secret_key'],
    ['access_key=AKIA-X credentials=secret_key=s', 'access_key has the wrong form'],
    [`access_key=${SECRET} credentials=secret_key=${ID}`, 'access_key takes an access key id'],
    [`access_key=${ID} credentials=secret_key=`, 'secret_key is empty'],
    [`access_key=${ID} credentials=secret_key=@SECRET`, 'secret_key begins or ends with white'],
    ['role_arn=keymgmt', 'role_arn takes the ARN of an IAM role'],
    ['external_id=abc', 'external_id needs role_arn'],
    ['endpoint=localhost:4566', 'a URL begins with https://'],
    ['endpoint=http://kms.example.com', 'use https://'],
    ['acess_key=x', 'did you mean "access_key"'],
    ['{"access_key":"x"}', 'put it in a file'],
  ])('credentials=%s', async (pairs, says) => {
    const line = `${HERE} credentials=${pairs.replace('@SECRET', `@${file('secret')}`)}`
    const stderr = await refused(line, says)
    expect(stderr).not.toContain(SECRET.slice(0, 8))
  })

  async function refused(line: string, says: string): Promise<string> {
    const { stdout, stderr, status } = await testbed.run(line)
    expect({ line, stdout, stderr: joined(stderr), status }).toEqual({
      line,
      stdout: '',
      stderr: expect.stringContaining(says) as unknown,
      status: 2,
    })
    expect(stderr).toContain('hint: ')
    expect(existsSync(file('keymgmt'))).toBe(false)
    return stderr
  }
})

describe('a provider', () => {
  let testbed: Testbed
  const file = (name: string, text: string) => {
    writeFileSync(join(testbed.home, name), text)
    return `@${join(testbed.home, name)}`
  }
  beforeAll(async () => {
    testbed = await createTestbed()
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  })
  afterAll(() => testbed.close())

  /** True if the provider's credentials are ones that the embedded KMS accepts. */
  const works = async () => {
    await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
    const line = 'read -format=json keymgmt/kms/k/key/app/verify'
    return (await testbed.run(line)).status === 0
  }
  const source = async () =>
    (
      JSON.parse(await testbed.ok('status -format=json')) as {
        data: { credentials: Record<string, string> }
      }
    ).data.credentials.k

  it('can be in a Region that keymgmt does not know, and stays there', async () => {
    const line = 'write keymgmt/kms/new provider=awskms key_collection=xx-new-1'
    await testbed.ok(`${line} allow_unknown_region=true`)
    await testbed.ok(`write keymgmt/kms/new credentials=profile=x`)
    expect(await testbed.ok('read -field=key_collection keymgmt/kms/new')).toBe('xx-new-1')
  })

  it.each(['lines', 'a JSON object', 'the secret in a file', 'the whole request'])(
    'takes its credentials from %s, and returns to the environment with credentials=',
    async (form) => {
      const { accessKeyId, secretAccessKey } = testbed.kms.credentials
      const pair = { access_key: accessKeyId, secret_key: secretAccessKey }
      const request = { provider: 'awskms', key_collection: 'us-west-1', credentials: pair }
      const lines = `access_key = ${accessKeyId}\r\nsecret_key=${secretAccessKey}\r\n`
      const data = {
        lines: [`credentials=${file('lines.txt', lines)}`],
        'a JSON object': [`credentials=${file('pair.json', JSON.stringify(pair))}`],
        'the secret in a file': [
          `credentials=access_key=${accessKeyId}`,
          `credentials=secret_key=${file('secret.txt', `${secretAccessKey}\n`)}`,
        ],
        'the whole request': [file('provider.json', JSON.stringify(request))],
      }[form]
      await testbed.ok(HERE)
      await testbed.ok(['write', 'keymgmt/kms/k', ...(data ?? [])])
      expect(await works()).toBe(true)
      const before = await source()
      expect(before).toBe('stored access key')
      await testbed.ok('write keymgmt/kms/k credentials=')
      expect(await source()).toContain('environment')
      expect(await works()).toBe(true)
    },
  )

  it('is configured by the JSON that path-help shows', async () => {
    const help = await testbed.ok('path-help keymgmt/kms/example-kms')
    const [json = ''] = /\{"provider".*\}\}/.exec(help) ?? []
    await testbed.ok(`write keymgmt/kms/example-kms ${file('documented.json', json)}`)
    expect(await testbed.ok('read -field=key_collection keymgmt/kms/example-kms')).toBe('us-west-1')
  })
})
