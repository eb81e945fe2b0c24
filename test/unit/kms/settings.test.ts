import { describe, expect, it } from '@jest/globals'
import { createClient } from '../../../src/kms/aws/client.js'
import { assertBooleans, assertEndpoint, resolveEndpoint } from '../../../src/kms/aws/settings.js'

const refused = (attempt: () => void) => {
  try {
    attempt()
  } catch (error) {
    return error as Error & { code: string }
  }
  throw new Error('it was taken')
}

describe('the endpoint', () => {
  const env = {
    AWS_KMS_ENDPOINT: 'https://b',
    AWS_ENDPOINT_URL_KMS: 'https://c',
    AWS_ENDPOINT_URL: 'https://d',
  }
  it("is the provider's own, then Vault's variable, then AWS's", () => {
    const settings = { region: 'us-west-1', credentials: { endpoint: 'https://a' } }
    const none = { ...settings, credentials: {} }
    expect(resolveEndpoint(settings, env)?.url).toBe('https://a')
    expect(resolveEndpoint(none, env)?.url).toBe('https://b')
    expect(resolveEndpoint(none, { ...env, AWS_KMS_ENDPOINT: '' })?.url).toBe('https://c')
    expect(resolveEndpoint(none, { AWS_ENDPOINT_URL: 'https://d' })).toEqual({
      url: 'https://d',
      source: 'AWS_ENDPOINT_URL',
    })
    expect(resolveEndpoint(none, {})).toBeUndefined()
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

describe('settings of the environment', () => {
  const settings = { region: 'us-west-1', credentials: {} }
  it.each(['true', 'True', 'TRUE'])('%s ignores the endpoints of AWS variables', (value) => {
    const ignoring = { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: value }
    const variables = { AWS_ENDPOINT_URL_KMS: 'https://c', AWS_ENDPOINT_URL: 'https://d' }
    expect(resolveEndpoint(settings, { ...variables, ...ignoring })).toBeUndefined()
    const own = { AWS_KMS_ENDPOINT: 'https://b', ...ignoring }
    expect(resolveEndpoint(settings, own)?.url).toBe('https://b')
  })
  it.each(['1', 'yes', 'fals'])('%s is not a boolean', (value) => {
    expect(
      refused(() => {
        assertBooleans({ AWS_USE_FIPS_ENDPOINT: value })
      }).code,
    ).toBe('FIELD_INVALID')
  })
  it.each(['true', 'FALSE', '', undefined])('%s is accepted', (value) => {
    expect(() => {
      assertBooleans({ AWS_USE_FIPS_ENDPOINT: value })
    }).not.toThrow()
  })
})

describe('the client', () => {
  it.each([
    ['https://kms.us-west-1.api.aws', false],
    ['https://kms-fips.us-west-1.amazonaws.com', false],
    ['https://vpce-0-x.kms.us-west-1.vpce.amazonaws.com', false],
    ['https://kms.example.com', false],
    [undefined, false],
    ['http://127.0.0.1:1', true],
    ['http://[::1]:1', true],
  ])('at %s is loopback: %s', async (endpoint, onThisMachine) => {
    const credentials = { access_key: 'a', secret_key: 'b', ...(endpoint && { endpoint }) }
    const options = { env: {}, signal: new AbortController().signal }
    const settings = { region: 'us-west-1', credentials }
    expect((await createClient(settings, 'us-west-1', options)).isLoopback).toBe(onThisMachine)
  })
})
