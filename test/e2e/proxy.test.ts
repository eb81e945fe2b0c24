import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ISSUED } from '../support/aws-over-tls.js'
import { createAuthority } from '../support/certificates.js'
import { startInspectedAws, type InspectedAws } from '../support/inspected-aws.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const CREDENTIALS = 'operator:hunter2'
const KMS = 'kms.us-west-1.amazonaws.com'
const SSO_START_URL = 'https://example.awsapps.com/start'

let testbed: Testbed
let inspected: InspectedAws

beforeEach(async () => {
  testbed = await createTestbed()
  const hosts = [KMS, 'sts.us-west-1.amazonaws.com', 'portal.sso.eu-west-1.amazonaws.com']
  inspected = await startInspectedAws(testbed, hosts, CREDENTIALS)
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
})

afterEach(async () => {
  await inspected.close()
  await testbed.close()
})

const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
const provider = (credentials = '') =>
  testbed.ok(`write keymgmt/kms/k provider=awskms key_collection=us-west-1 ${credentials}`)

describe('through a proxy that inspects TLS', () => {
  it('the key reaches AWS KMS', async () => {
    await provider()
    await testbed.ok(DISTRIBUTE, { env: inspected.env })
    expect([...new Set(inspected.proxy.targets)]).toEqual([`${KMS}:443`])
    expect(testbed.requests.map(({ operation }) => operation)).toContain('ImportKeyMaterial')
  })

  it('the role of the provider is assumed', async () => {
    await provider('credentials=role_arn=arn:aws:iam::123456789012:role/r')
    await testbed.ok(DISTRIBUTE, { env: inspected.env })
    expect([...new Set(inspected.proxy.targets)].sort()).toEqual([
      `${KMS}:443`,
      'sts.us-west-1.amazonaws.com:443',
    ])
    expect(signers()).toEqual([ISSUED.sts])
  })

  it('a web identity is exchanged', async () => {
    await provider()
    writeFileSync(join(testbed.home, 'token'), 'example')
    const identity = {
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_REGION: 'us-west-1',
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/r',
      AWS_WEB_IDENTITY_TOKEN_FILE: join(testbed.home, 'token'),
    }
    await testbed.ok(DISTRIBUTE, { env: { ...inspected.env, ...identity } })
    expect(inspected.proxy.targets).toContain('sts.us-west-1.amazonaws.com:443')
    expect(signers()).toEqual([ISSUED.sts])
  })

  it('a profile of IAM Identity Center gets credentials in its own Region', async () => {
    writeSsoProfile()
    await provider('credentials=profile=sso')
    await testbed.ok(DISTRIBUTE, { env: inspected.env })
    expect(inspected.proxy.targets).toContain('portal.sso.eu-west-1.amazonaws.com:443')
    expect(signers()).toEqual([ISSUED.sso])
  })
})

describe('a request that is refused', () => {
  const refusalOf = async (env: Readonly<Record<string, string>>) => {
    await provider()
    const { status, stderr } = await testbed.run(['write', '-format=json', ...WORDS], {
      env: { ...inspected.env, ...env },
    })
    expect(status).toBe(2)
    expect(stderr).not.toContain('hunter2')
    expect(testbed.requests).toEqual([])
    return (JSON.parse(stderr) as { error: { code: string; message: string; hints: string[] } })
      .error
  }

  it('by the proxy is sent once, and ends with one error', async () => {
    const { code, message } = await refusalOf({ HTTPS_PROXY: `http://${inspected.proxy.address}` })
    expect(code).toBe('PROXY_FAILED')
    expect(message).toContain('407 Proxy Authentication Required')
    expect(new Set(inspected.proxy.targets).size).toBe(inspected.proxy.targets.length)
  })

  it('because the bundle replaces the default authorities names the file and the variable', async () => {
    const other = join(testbed.home, 'other.pem')
    writeFileSync(other, (await createAuthority('Other')).pem)
    // Node.js adds these to its own, so they are default authorities.
    const defaults = { NODE_EXTRA_CA_CERTS: join(testbed.home, 'ca.pem') }
    const { code, message, hints } = await refusalOf({ ...defaults, AWS_CA_BUNDLE: other })
    expect(code).toBe('TLS_REFUSED')
    expect(message).toContain(KMS)
    expect(hints.join()).toContain(`${other} (from AWS_CA_BUNDLE)`)
    await testbed.ok(DISTRIBUTE, { env: { ...inspected.env, ...defaults, AWS_CA_BUNDLE: '' } })
  })

  it('because certificates are not checked sends nothing', async () => {
    const { code } = await refusalOf({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    expect(code).toBe('TLS_REFUSED')
    expect(inspected.aws.requests).toEqual([])
  })

  it('prints no credentials of the proxy with every debug output on', async () => {
    await provider()
    const { stderr } = await testbed.run(DISTRIBUTE, {
      env: { ...inspected.env, DEBUG: '*', KEYMGMT_DEBUG: '1', AWS_CA_BUNDLE: '/missing.pem' },
    })
    const proxied = await testbed.run(DISTRIBUTE, {
      env: { ...inspected.env, DEBUG: '*', KEYMGMT_DEBUG: '1' },
    })
    const encoded = Buffer.from(CREDENTIALS).toString('base64')
    for (const text of [stderr, proxied.stderr, proxied.stdout]) {
      expect(text).not.toContain('hunter2')
      expect(text).not.toContain(encoded)
    }
    expect(proxied.status).toBe(0)
  })
})

const WORDS = DISTRIBUTE.split(' ').slice(1)

function signers(): (string | undefined)[] {
  return [
    ...new Set(
      inspected.aws.requests
        .filter(({ host }) => host === KMS)
        .map(({ accessKeyId }) => accessKeyId),
    ),
  ]
}

function writeSsoProfile(): void {
  const cache = join(testbed.home, '.aws', 'sso', 'cache')
  mkdirSync(cache, { recursive: true })
  const name = createHash('sha1').update(SSO_START_URL).digest('hex')
  writeFileSync(
    join(cache, `${name}.json`),
    JSON.stringify({
      accessToken: 'example',
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    }),
  )
  writeFileSync(
    join(testbed.home, 'config'),
    [
      '[profile sso]',
      `sso_start_url = ${SSO_START_URL}`,
      'sso_region = eu-west-1',
      'sso_account_id = 123456789012',
      'sso_role_name = Operator',
      '',
    ].join('\n'),
  )
}
