import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  customEndpoint,
  endpointConfig,
  hasCredentials,
  isSet,
  readConfiguration,
} from '../../../src/aws/configuration.js'

const CONFIG = `
[default]
endpoint_url = https://default.example.com

[profile full]
services = local
endpoint_url = https://all.example.com
use_fips_endpoint = true
use_dualstack_endpoint = TRUE
ca_bundle = /etc/ca.pem

[profile partial]
services = other

[profile ignoring]
endpoint_url = https://all.example.com
ignore_configured_endpoint_urls = true

[profile invalid]
use_fips_endpoint = yes

[profile lost]
services = nowhere

[profile process]
credential_process = /bin/false

[services local]
kms =
  endpoint_url = https://kms.example.com

[services other]
s3 =
  endpoint_url = https://s3.example.com
`

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keymgmt-configuration-'))
  writeFileSync(join(folder, 'config'), CONFIG)
  writeFileSync(join(folder, 'credentials'), '[keys]\naws_access_key_id = A\n')
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})
const read = (
  profile?: string,
  env: Readonly<Record<string, string>> = {},
  stored: Readonly<Record<string, string>> = {},
) =>
  readConfiguration(
    {
      AWS_CONFIG_FILE: join(folder, 'config'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
      ...env,
    },
    { profile, ...stored },
  )

describe('the endpoint of a profile', () => {
  it.each([
    [undefined, 'https://default.example.com', 'endpoint_url of the AWS profile default'],
    ['full', 'https://kms.example.com', 'kms endpoint_url of the AWS profile full'],
    ['partial', undefined, undefined],
    ['ignoring', undefined, undefined],
  ])('%s is %s', async (profile, url, source) => {
    expect(customEndpoint(await read(profile), 'kms')).toEqual(url && { url, source })
  })

  it("of STS is the endpoint for all services, unless the section has STS's own", async () => {
    expect(customEndpoint(await read('full'), 'sts')?.url).toBe('https://all.example.com')
  })

  it('gives way to the environment', async () => {
    const env = { AWS_PROFILE: 'full', AWS_ENDPOINT_URL: 'https://environment.example.com' }
    expect(customEndpoint(await read(undefined, env), 'kms')).toEqual({
      url: 'https://environment.example.com',
      source: 'AWS_ENDPOINT_URL',
    })
  })

  it.each(['1', 'yes', 'fals'])('is not decided by the invalid boolean %s', async (value) => {
    const configuration = await read('full', { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: value })
    expect(() => customEndpoint(configuration, 'kms')).toThrow(
      'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is neither true nor false',
    )
  })
})

describe('a flag', () => {
  it('comes from the profile, in upper or lower case', async () => {
    const configuration = await read('full')
    expect(isSet(configuration, 'use_fips_endpoint')).toBe(true)
    expect(isSet(configuration, 'use_dualstack_endpoint')).toBe(true)
    expect(isSet(await read(), 'use_fips_endpoint')).toBe(false)
  })

  it('comes from the environment first', async () => {
    const configuration = await read('full', { AWS_USE_FIPS_ENDPOINT: 'False' })
    expect(isSet(configuration, 'use_fips_endpoint')).toBe(false)
  })

  it('comes from the provider before the environment', async () => {
    const env = { AWS_USE_FIPS_ENDPOINT: 'true', AWS_USE_DUALSTACK_ENDPOINT: 'false' }
    const stored = { use_fips: 'false', use_dualstack: 'True' }
    const configuration = await read('full', env, stored)
    expect(isSet(configuration, 'use_fips_endpoint')).toBe(false)
    expect(isSet(configuration, 'use_dualstack_endpoint')).toBe(true)
  })

  it('is neither true nor false', async () => {
    const configuration = await read('invalid')
    expect(() => isSet(configuration, 'use_fips_endpoint')).toThrow(
      'use_fips_endpoint of the AWS profile invalid is neither true nor false',
    )
  })

  const custom = { AWS_ENDPOINT_URL_KMS: 'https://vpce-1.kms.us-west-1.vpce.amazonaws.com' }
  it.each([
    ['credentials=use_fips', undefined, {}, { use_fips: 'true' }],
    ['AWS_USE_FIPS_ENDPOINT', undefined, { AWS_USE_FIPS_ENDPOINT: 'TRUE' }, {}],
    ['AWS_USE_DUALSTACK_ENDPOINT', undefined, { AWS_USE_DUALSTACK_ENDPOINT: 'true' }, {}],
    ['use_fips_endpoint of the AWS profile full', 'full', {}, {}],
  ])('%s excludes a custom endpoint', async (source, profile, env, stored) => {
    const configuration = await read(profile, { ...custom, ...env }, stored)
    expect(() => endpointConfig(configuration, 'kms')).toThrow(
      expect.objectContaining({
        code: 'KMS_ENDPOINT_REFUSED',
        message: `${source} selects an endpoint of AWS, but AWS_ENDPOINT_URL_KMS selects https://vpce-1.kms.us-west-1.vpce.amazonaws.com`,
        hints: [
          `set ${source} to false, or remove AWS_ENDPOINT_URL_KMS`,
          expect.stringContaining('https://kms-fips.us-west-1.amazonaws.com'),
        ],
      }),
    )
  })

  it('allows a custom endpoint if it is false', async () => {
    const configuration = await read('full', custom, { use_fips: 'false', use_dualstack: 'false' })
    expect(endpointConfig(configuration, 'kms')).toEqual({ endpoint: custom.AWS_ENDPOINT_URL_KMS })
  })
})

describe('a profile', () => {
  it('that does not exist is an error, with those that do', async () => {
    await expect(read('typo')).rejects.toMatchObject({
      code: 'KMS_CREDENTIALS',
      message: 'the AWS profile typo (from credentials=profile) does not exist',
      hints: [expect.stringMatching(/have the profiles default, full, .*, keys, /)],
    })
    await expect(read(undefined, { AWS_PROFILE: 'typo' })).rejects.toMatchObject({
      message: 'the AWS profile typo (from AWS_PROFILE) does not exist',
    })
  })

  it('whose services section does not exist is an error', async () => {
    await expect(read('lost')).rejects.toMatchObject({
      message: expect.stringContaining('services section nowhere, which does not exist'),
    })
  })

  it.each([
    ['process', true],
    ['keys', true],
    ['full', false],
  ])('%s has credentials: %s', async (profile, expected) => {
    expect(hasCredentials(await read(profile))).toBe(expected)
  })
})
