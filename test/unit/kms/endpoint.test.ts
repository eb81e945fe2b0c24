import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { describe, expect, it } from '@jest/globals'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { openConnection } from '../../../src/aws/connection.js'
import { createClients } from '../../../src/kms/aws/client.js'
import { assertEndpoint } from '../../../src/aws/endpoint.js'
import { KNOWN_REGIONS, partitionOf } from '../../../src/aws/partition.js'

const refused = (attempt: () => void) => {
  try {
    attempt()
  } catch (error) {
    return error as Error & { code: string }
  }
  throw new Error('it was taken')
}

const clientsOf = async (
  credentials: Record<string, string>,
  env: object = {},
  region = 'us-west-1',
) => {
  const settings = { region, credentials }
  const none = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  const options = { env: { ...none, ...env }, signal: new AbortController().signal }
  return createClients(region, await openConnection(settings, options), options)
}

describe('the endpoint', () => {
  const env = {
    AWS_KMS_ENDPOINT: 'https://b',
    AWS_ENDPOINT_URL_KMS: 'https://c',
    AWS_ENDPOINT_URL: 'https://d',
  }
  const originOf = async (credentials: object, variables: object) => {
    const pair = { access_key: 'a', secret_key: 'b', ...credentials }
    return (await clientsOf(pair, variables)).endpoint.origin
  }
  it("is the provider's own, then Vault's variable, then AWS's", async () => {
    expect(await originOf({ endpoint: 'https://a' }, env)).toBe('https://a')
    expect(await originOf({}, env)).toBe('https://b')
    expect(await originOf({}, { ...env, AWS_KMS_ENDPOINT: '' })).toBe('https://c')
    expect(await originOf({}, { AWS_ENDPOINT_URL: 'https://d' })).toBe('https://d')
    expect(await originOf({}, {})).toBe('https://kms.us-west-1.amazonaws.com')
  })
  it("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS leaves Vault's variable alone", async () => {
    const ignoring = { ...env, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'True' }
    expect(await originOf({}, ignoring)).toBe('https://b')
    expect(await originOf({}, { ...ignoring, AWS_KMS_ENDPOINT: '' })).toBe(
      'https://kms.us-west-1.amazonaws.com',
    )
  })
  it.each([
    'https://kms.example.com',
    'http://127.0.0.1:1',
    'http://127.9.9.9',
    'http://localhost:8080',
    'http://[::1]:1',
  ])('%s is accepted', (url) => {
    expect(() => {
      assertEndpoint(url, 'x')
    }).not.toThrow()
  })
  it.each([
    'http://kms.example.com',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://10.0.0.1',
    'ftp://localhost',
    'localhost:4566',
    'nonsense',
    'https://user:secret@kms.example.com',
  ])('%s is refused, without a secret', (url) => {
    const error = refused(() => {
      assertEndpoint(url, 'the flag')
    })
    expect(error.code).toBe('KMS_ENDPOINT_REFUSED')
    expect(error.message).toContain('the flag')
    expect(error.message).not.toContain('secret')
  })
})

/**
 * The domains of each partition: of IPv4 endpoints, and of dual-stack endpoints.
 * @see https://docs.aws.amazon.com/general/latest/gr/kms.html
 */
const DOMAINS: Readonly<Record<string, readonly [ipv4: string, dualStack: string]>> = {
  aws: ['amazonaws.com', 'api.aws'],
  'aws-cn': ['amazonaws.com.cn', 'api.amazonwebservices.com.cn'],
  'aws-eusc': ['amazonaws.eu', 'api.amazonwebservices.eu'],
  'aws-iso': ['c2s.ic.gov', 'api.aws.ic.gov'],
  'aws-iso-b': ['sc2s.sgov.gov', 'api.aws.scloud'],
  'aws-iso-e': ['cloud.adc-e.uk', 'api.cloud-aws.adc-e.uk'],
  'aws-iso-f': ['csp.hci.ic.gov', 'api.aws.hci.ic.gov'],
  'aws-us-gov': ['amazonaws.com', 'api.aws'],
}

describe("AWS's own endpoint", () => {
  const pair = { access_key: 'a', secret_key: 'b' }
  it.each([
    [{}, 'kms', 0],
    [{ use_fips: 'true' }, 'kms-fips', 0],
    [{ use_dualstack: 'true' }, 'kms', 1],
    [{ use_fips: 'true', use_dualstack: 'true' }, 'kms-fips', 1],
  ])('with %j begins with %s, in every Region', async (flags, name, domain) => {
    for (const region of KNOWN_REGIONS) {
      const { endpoint } = await clientsOf({ ...pair, ...flags }, {}, region)
      expect(endpoint).toEqual({
        origin: `https://${name}.${region}.${DOMAINS[partitionOf(region)]?.[domain]}`,
        isLoopback: false,
        isAws: true,
      })
    }
  })

  it.each([
    ['us-west-1', {}, 'sts.us-west-1.amazonaws.com'],
    ['us-west-1', { use_fips: 'true' }, 'sts-fips.us-west-1.amazonaws.com'],
    ['us-west-1', { use_dualstack: 'true' }, 'sts.us-west-1.api.aws'],
    ['us-gov-west-1', { use_fips: 'true' }, 'sts.us-gov-west-1.amazonaws.com'],
    ['cn-north-1', {}, 'sts.cn-north-1.amazonaws.com.cn'],
    ['us-iso-east-1', {}, 'sts.us-iso-east-1.c2s.ic.gov'],
  ])('of STS in %s with %j is %s', async (region, flags, host) => {
    const { sts } = await clientsOf({ ...pair, ...flags }, {}, region)
    const { config } = await sts()
    const { url } = await getEndpointFromInstructions({}, GetCallerIdentityCommand, config)
    expect(url.host).toBe(host)
  })
})

describe('the client', () => {
  it.each([
    ['https://kms.us-west-1.api.aws', false, true],
    ['https://kms-fips.us-west-1.amazonaws.com', false, true],
    ['https://vpce-0-x.kms.us-west-1.vpce.amazonaws.com', false, true],
    ['https://kms.cn-north-1.amazonaws.com.cn', false, true],
    ['https://kms.eusc-de-east-1.amazonaws.eu', false, true],
    [undefined, false, true],
    ['https://kms.example.com', false, false],
    ['https://kms.us-west-1.amazonaws.com.example.com', false, false],
    ['https://kms.s3.us-west-1.amazonaws.com', false, false],
    ['https://ec2-192-0-2-1.compute.amazonaws.com', false, false],
    ['http://127.0.0.1:1', true, false],
    ['http://[::1]:1', true, false],
  ])('at %s is on this machine: %s, is AWS: %s', async (endpoint, isLoopback, isAws) => {
    const credentials = { access_key: 'a', secret_key: 'b', ...(endpoint && { endpoint }) }
    expect((await clientsOf(credentials)).endpoint).toMatchObject({ isLoopback, isAws })
  })
})
