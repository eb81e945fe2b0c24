import { KMS } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createHash, createHmac } from 'node:crypto'
import { startDevKms, type DevKms } from '../../../src/dev-kms/index.js'
import { errorOf } from './lab.js'

const TEMPORARY = { accessKeyId: 'ASIATEMPORARY', secretAccessKey: 's', sessionToken: 'the token' }
const ENDED = { accessKeyId: 'ASIAENDED', secretAccessKey: 's', sessionToken: 'old' }
let kms: DevKms
beforeAll(async () => {
  kms = await startDevKms({
    credentials: { ASIATEMPORARY: 's', ASIAENDED: 's' },
    sessionTokens: { ASIATEMPORARY: 'the token', ASIAENDED: 'old' },
    expirations: { ASIAENDED: new Date(Date.now() - 1_000) },
  })
})
afterAll(() => kms.close())

interface Signing {
  time?: string
  date?: string
  region?: string
  service?: string
  signed?: readonly string[]
  headers?: Readonly<Record<string, string>>
  /** Headers to send in place of the signed ones. */
  tampered?: Readonly<Record<string, string>>
  body?: string
  sentBody?: string
  method?: string
  path?: string
  authorization?: (header: string) => string
  target?: string
}

const sha = (text: string) => createHash('sha256').update(text).digest('hex')
const mac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest()
const basic = (offsetMs = 0) =>
  new Date(Date.now() + offsetMs).toISOString().replace(/[-:]|\.\d+/g, '')

/** Sends a request that is signed by hand, with one mistake. Returns the error's name, or 200. */
async function ask(signing: Signing = {}): Promise<string> {
  const {
    time = basic(),
    region = 'us-east-1',
    service = 'kms',
    body = '{}',
    method = 'POST',
    path = '/',
  } = signing
  const date = signing.date ?? time.slice(0, 8)
  const headers: Record<string, string> = {
    'content-type': 'application/x-amz-json-1.1',
    host: new URL(kms.endpoint).host,
    'x-amz-date': time,
    'x-amz-target': signing.target ?? 'TrentService.ListKeys',
    ...signing.headers,
  }
  const signed = signing.signed ?? Object.keys(headers).toSorted()
  const lines = signed.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`)
  const canonical = [method, path, '', ...lines, '', signed.join(';'), sha(body)].join('\n')
  const scope = `${date}/${region}/${service}/aws4_request`
  const key = [date, region, service, 'aws4_request'].reduce<Buffer | string>(
    (made, part) => mac(made, part),
    `AWS4${kms.credentials.secretAccessKey}`,
  )
  const signature = mac(key, ['AWS4-HMAC-SHA256', time, scope, sha(canonical)].join('\n')).toString(
    'hex',
  )
  const authorization = `AWS4-HMAC-SHA256 Credential=${kms.credentials.accessKeyId}/${scope}, SignedHeaders=${signed.join(';')}, Signature=${signature}`
  const response = await fetch(`${kms.endpoint}${path}`, {
    method,
    headers: {
      ...headers,
      ...signing.tampered,
      authorization: signing.authorization?.(authorization) ?? authorization,
    },
    ...(method === 'POST' && { body: signing.sentBody ?? body }),
  })
  const answer = (await response.json()) as { __type?: string }
  return answer.__type ?? String(response.status)
}

const WRONG = 'InvalidSignatureException'
const HALF = 'IncompleteSignatureException'

describe('a request', () => {
  it('is accepted with a valid signature', async () => {
    expect(await ask()).toBe('200')
  })
  it('is accepted with repeated spaces in a header, which count once', async () => {
    expect(await ask({ headers: { 'x-amz-meta': 'a   b' } })).toBe('200')
  })
  const CASES: readonly [string, Signing, string][] = [
    ['another body than was signed', { sentBody: '{"Limit":1}' }, WRONG],
    [
      'another header than was signed',
      { tampered: { 'x-amz-target': 'TrentService.CreateKey' } },
      WRONG,
    ],
    ['an unsigned host', { signed: ['content-type', 'x-amz-date', 'x-amz-target'] }, WRONG],
    ['an unsigned date', { signed: ['content-type', 'host', 'x-amz-target'] }, WRONG],
    ['an unsigned target', { signed: ['content-type', 'host', 'x-amz-date'] }, WRONG],
    [
      'headers that are not in order',
      { signed: ['host', 'content-type', 'x-amz-date', 'x-amz-target'] },
      HALF,
    ],
    [
      'a header twice',
      { signed: ['content-type', 'host', 'host', 'x-amz-date', 'x-amz-target'] },
      HALF,
    ],
    [
      'a signed header that is not there',
      { signed: ['content-type', 'host', 'x-amz-date', 'x-amz-nothing', 'x-amz-target'] },
      HALF,
    ],
    ['a scope of another day', { date: '20200101' }, WRONG],
    ['another service', { service: 's3' }, WRONG],
    ['a Region that there is not', { region: 'us-wst-1' }, WRONG],
    ['a clock that is behind', { time: basic(-6 * 60_000) }, WRONG],
    ['a clock that is ahead', { time: basic(6 * 60_000) }, WRONG],
    ['a date that is none', { time: '20261399T000000Z' }, HALF],
    ['a date in another form', { time: new Date().toUTCString(), date: '20260101' }, HALF],
    ['half an authorization', { authorization: (header) => header.slice(0, -3) }, HALF],
    ['another algorithm', { authorization: (header) => header.replace('SHA256', 'SHA1') }, HALF],
    ['none', { authorization: () => '' }, 'MissingAuthenticationTokenException'],
    [
      'an unknown id',
      { authorization: (header) => header.replace(/AKIA/, 'AKIB') },
      'UnrecognizedClientException',
    ],
    [
      'a session token that nobody gave',
      { headers: { 'x-amz-security-token': 'x' } },
      'UnrecognizedClientException',
    ],
    [
      'another content type',
      { headers: { 'content-type': 'application/json' } },
      'UnknownOperationException',
    ],
    ['another path', { path: '/keys' }, 'UnknownOperationException'],
    ['another method', { method: 'GET', body: '' }, 'UnknownOperationException'],
    [
      "another service's target",
      { target: 'DynamoDB_20120810.ListTables' },
      'UnknownOperationException',
    ],
    [
      'an operation that there is not',
      { target: 'TrentService.toString' },
      'UnknownOperationException',
    ],
    [
      'a body that is too long',
      { body: `{"Marker":"${'a'.repeat(1_100_000)}"}` },
      'RequestEntityTooLargeException',
    ],
  ]
  it.each(CASES)('is refused with %s', async (_what, signing, expected) => {
    expect(await ask(signing)).toBe(expected)
  })
})

describe('temporary credentials', () => {
  const list = (credentials: {
    accessKeyId: string
    secretAccessKey: string
    sessionToken?: string
  }) =>
    errorOf(
      new KMS({
        region: 'us-east-1',
        endpoint: kms.endpoint,
        credentials,
        maxAttempts: 1,
      }).listKeys({}),
    )
  it('need their token, and no other', async () => {
    expect(await list(TEMPORARY)).toBe('none')
    expect(await list({ ...TEMPORARY, sessionToken: 'another' })).toBe(
      'UnrecognizedClientException',
    )
    expect(await list({ accessKeyId: TEMPORARY.accessKeyId, secretAccessKey: 's' })).toBe(
      'UnrecognizedClientException',
    )
  })
  it('expire', async () => {
    expect(await list(ENDED)).toBe('ExpiredTokenException')
  })
})
