import { describe, expect, it } from '@jest/globals'
import { chooseProxy, type Env, type Target } from '../../../src/aws/proxy.js'

const KMS: Target = { protocol: 'https:', host: 'kms.us-west-1.amazonaws.com', port: 443 }
const PROXY = { HTTPS_PROXY: 'http://proxy.example.com:3128' }

const addressFor = (target: Partial<Target>, env: Env) =>
  chooseProxy({ ...KMS, ...target }, env)?.address

const failureFor = (env: Env) => {
  try {
    chooseProxy(KMS, env)
  } catch (error) {
    return error as Error & { code: string; hints: readonly string[] }
  }
  throw new Error('the value was accepted')
}

describe('the proxy', () => {
  it.each<[string, Partial<Target>, Env, string | undefined]>([
    ['is none without a variable', {}, {}, undefined],
    ['is that of HTTPS_PROXY', {}, PROXY, 'proxy.example.com:3128'],
    ['is that of https_proxy', {}, { https_proxy: 'http://p:1' }, 'p:1'],
    [
      'is the lower-case one if both are set',
      {},
      { ...PROXY, https_proxy: 'http://lower:1' },
      'lower:1',
    ],
    ['is switched off by an empty lower-case one', {}, { ...PROXY, https_proxy: '' }, undefined],
    ['is not that of HTTP_PROXY for https', {}, { HTTP_PROXY: 'http://p:1' }, undefined],
    [
      'is not that of ALL_PROXY',
      {},
      { ALL_PROXY: 'http://p:1', all_proxy: 'http://p:1' },
      undefined,
    ],
    [
      'is that of HTTP_PROXY for http',
      { protocol: 'http:', port: 80 },
      { ...PROXY, HTTP_PROXY: 'http://p:1' },
      'p:1',
    ],
    ['is http without a scheme', {}, { HTTPS_PROXY: 'p:8080' }, 'p:8080'],
    ['has the default port of http', {}, { HTTPS_PROXY: 'http://p' }, 'p:80'],
    ['has the default port of https', {}, { HTTPS_PROXY: 'https://p/' }, 'p:443'],
    ['has an IPv6 address', {}, { HTTPS_PROXY: 'http://[fd00::1]:3128' }, '[fd00::1]:3128'],
  ])('%s', (_title, target, env, expected) => {
    expect(addressFor(target, env)).toBe(expected)
  })

  it('has its credentials separate from its URL', () => {
    const proxy = chooseProxy(KMS, { HTTPS_PROXY: 'http://me:p%23w%40@proxy:1' })
    expect(proxy?.url.href).toBe('http://proxy:1/')
    expect(proxy?.authorization).toBe(`Basic ${Buffer.from('me:p#w@').toString('base64')}`)
  })
})

describe('NO_PROXY', () => {
  it.each([
    ['*', {}],
    ['other.example.com,*', {}],
    ['kms.us-west-1.amazonaws.com', {}],
    ['KMS.us-west-1.AMAZONAWS.com', {}],
    ['amazonaws.com', {}],
    ['.amazonaws.com', {}],
    ['*.amazonaws.com', {}],
    ['example.com, amazonaws.com', {}],
    ['example.com amazonaws.com', {}],
    ['amazonaws.com:443', {}],
    ['10.0.0.7', { host: '10.0.0.7' }],
    ['fd00::7', { host: 'fd00::7' }],
    ['[fd00::7]:443', { host: 'fd00::7' }],
  ])('%s matches', (entry, target) => {
    expect(addressFor(target, { ...PROXY, NO_PROXY: entry })).toBeUndefined()
  })

  it.each([
    ['', {}],
    [',', {}],
    ['aws.com', {}],
    ['kms.us-west-1.amazonaws.com.example.com', {}],
    ['amazonaws.com:8443', {}],
    ['fd00::7', { host: 'fd00::77' }],
    ['.', {}],
  ])('%j does not match', (entry, target) => {
    expect(addressFor(target, { ...PROXY, NO_PROXY: entry })).toBe('proxy.example.com:3128')
  })

  it('in lower case takes precedence over upper case', () => {
    const both = { ...PROXY, NO_PROXY: '*', no_proxy: 'example.com' }
    expect(addressFor({}, both)).toBe('proxy.example.com:3128')
  })
})

it.each([
  '127.0.0.1',
  '127.9.9.9',
  'localhost',
  '::1',
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::254',
  'fd00:ec2::23',
])('%s never uses a proxy', (host) => {
  const env = { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://p:1' }
  expect(addressFor({ host }, env)).toBeUndefined()
  expect(addressFor({ host, protocol: 'http:', port: 80 }, env)).toBeUndefined()
})

describe('a value that is not the address of a proxy', () => {
  it.each([
    'http://',
    'http://user:hunter2@',
    'http://user:hunter2#x@proxy:1',
    'http://user:12#hunter2@proxy:1',
    'http://user:12/hunter2@proxy:1',
    'http://user:12?hunter2@proxy:1',
    'http://user:hunter2%@proxy:1',
    'http://proxy:hunter2',
    'socks5://user:hunter2@proxy:1',
  ])('%s is refused, and not repeated', (value) => {
    const error = failureFor({ https_proxy: value })
    expect(error.code).toBe('PROXY_FAILED')
    expect(error.message).toContain('https_proxy')
    expect(error.hints.length).toBeGreaterThan(0)
    expect(`${error.message} ${error.hints.join(' ')}`).not.toMatch(/hunter|\b12\b/)
  })
})
