import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startInspectedAws, type InspectedAws } from '../support/inspected-aws.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const HOSTS = [
  'kms.us-west-1.amazonaws.com',
  'kms-fips.us-west-1.amazonaws.com',
  'kms-fips.us-east-1.amazonaws.com',
  'kms.us-west-1.api.aws',
  'kms-fips.us-west-1.api.aws',
  'kms.cn-north-1.amazonaws.com.cn',
  'kms.us-gov-west-1.amazonaws.com',
  'kms-fips.us-gov-west-1.amazonaws.com',
  'kms.us-iso-east-1.c2s.ic.gov',
  'kms.eusc-de-east-1.amazonaws.eu',
  'sts-fips.us-west-1.amazonaws.com',
]

let testbed: Testbed
let inspected: InspectedAws

beforeEach(async () => {
  testbed = await createTestbed()
  inspected = await startInspectedAws(testbed, HOSTS)
  writeFileSync(
    join(testbed.home, 'config'),
    '[profile fips]\nuse_fips_endpoint = true\nrole_arn = arn:aws:iam::123456789012:role/r\ncredential_source = Environment\n',
  )
})
afterEach(async () => {
  await inspected.close()
  await testbed.close()
})

const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=sign,verify'
const provider = (settings: string) =>
  testbed.ok(`write keymgmt/kms/k provider=awskms key_collection=${settings}`)

/** The hosts that the requests of a command named, once each. */
async function hostsOf(line: string, env: Readonly<Record<string, string>> = {}) {
  inspected.aws.requests.length = 0
  await testbed.ok(line, { env: { ...inspected.env, ...env } })
  return [...new Set(inspected.aws.requests.map(({ host }) => host))].sort()
}

describe('the endpoint that a distribution contacts', () => {
  const [FIPS, DUAL] = ['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT']
  it.each([
    ['us-west-1', '', {}, 'kms.us-west-1.amazonaws.com'],
    ['us-west-1', 'credentials=use_fips=true', {}, 'kms-fips.us-west-1.amazonaws.com'],
    ['us-west-1', 'credentials=use_dualstack=true', {}, 'kms.us-west-1.api.aws'],
    ['us-west-1', '', { [FIPS]: 'True' }, 'kms-fips.us-west-1.amazonaws.com'],
    ['us-west-1', '', { [FIPS]: 'true', [DUAL]: 'true' }, 'kms-fips.us-west-1.api.aws'],
    ['us-west-1', 'credentials=use_fips=false', { [FIPS]: 'true' }, 'kms.us-west-1.amazonaws.com'],
    ['cn-north-1', '', {}, 'kms.cn-north-1.amazonaws.com.cn'],
    ['us-gov-west-1', '', {}, 'kms.us-gov-west-1.amazonaws.com'],
    ['us-gov-west-1', '', { [FIPS]: 'true' }, 'kms-fips.us-gov-west-1.amazonaws.com'],
    ['us-iso-east-1', '', {}, 'kms.us-iso-east-1.c2s.ic.gov'],
    ['eusc-de-east-1', '', {}, 'kms.eusc-de-east-1.amazonaws.eu'],
  ])('in %s with %j and %j is %s', async (region, credentials, env, host) => {
    await provider(`${region} ${credentials}`)
    await testbed.ok('write -f keymgmt/key/app type=hmac-sha256')
    expect(await hostsOf(DISTRIBUTE, env)).toEqual([host])
    expect(testbed.requests.map(({ operation }) => operation)).toContain('ImportKeyMaterial')
  })

  it('is a FIPS endpoint in each replica Region too', async () => {
    await provider('us-west-1 credentials=use_fips=true')
    await testbed.ok('write keymgmt/key/app type=hmac-sha256 replica_regions=us-east-1')
    await testbed.ok(DISTRIBUTE, { env: inspected.env })
    expect(await hostsOf('write -f keymgmt/kms/k/key/app/replicate')).toEqual([
      'kms-fips.us-east-1.amazonaws.com',
      'kms-fips.us-west-1.amazonaws.com',
    ])
  })

  it('follows the profile, as the endpoint of STS does', async () => {
    await provider('us-west-1 credentials=profile=fips')
    await testbed.ok('write -f keymgmt/key/app type=hmac-sha256')
    expect(await hostsOf(DISTRIBUTE)).toEqual([
      'kms-fips.us-west-1.amazonaws.com',
      'sts-fips.us-west-1.amazonaws.com',
    ])
  })

  it('can change to FIPS later', async () => {
    await provider('us-west-1')
    await testbed.ok('write -f keymgmt/key/app type=hmac-sha256')
    await testbed.ok(DISTRIBUTE, { env: inspected.env })
    await testbed.ok('write keymgmt/kms/k credentials=use_fips=true')
    expect(await hostsOf('write -f keymgmt/key/app/rotate')).toEqual([
      'kms-fips.us-west-1.amazonaws.com',
    ])
  })

  it('is shown by identity', async () => {
    await provider('us-west-1 credentials=use_fips=true')
    const line = 'read -field=endpoint keymgmt/kms/k/identity'
    const stdout = await testbed.ok(line, { env: inspected.env })
    expect(stdout.trim()).toBe('https://kms-fips.us-west-1.amazonaws.com')
  })
})

describe('an endpoint of AWS and a custom endpoint', () => {
  it('are refused together, before anything is sent', async () => {
    await provider('us-west-1 credentials=use_fips=true')
    await testbed.ok('write -f keymgmt/key/app type=hmac-sha256')
    const ran = await testbed.run(DISTRIBUTE)
    expect([ran.status, ran.stdout, testbed.requests]).toEqual([2, '', []])
    expect(ran.stderr).toContain(
      `credentials=use_fips selects an endpoint of AWS, but AWS_ENDPOINT_URL_KMS selects ${testbed.kms.endpoint}`,
    )
    expect(ran.stderr).toContain(
      'set credentials=use_fips to false, or remove AWS_ENDPOINT_URL_KMS',
    )
    await testbed.ok('write keymgmt/kms/k credentials=use_fips=false')
    await testbed.ok(DISTRIBUTE)
  })

  it('are refused together in the settings of a provider', async () => {
    const ran = await testbed.run(
      'write keymgmt/kms/k provider=awskms key_collection=us-west-1 credentials=endpoint=https://kms.example.com credentials=use_dualstack=true',
    )
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain(
      'use_dualstack selects an endpoint of AWS, but endpoint selects another one',
    )
    expect(ran.stderr).toContain('https://kms-fips.us-west-1.amazonaws.com')
  })
})
