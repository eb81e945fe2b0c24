import { afterAll, beforeAll, beforeEach, expect, it, describe } from '@jest/globals'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

// A service can send anything. A KMS that repeats the request's headers stands for proxies,
// gateways and AWS's own canonical requests.

const SESSION_TOKEN = 'IQoJb3JpZ2luX2VjEXAMPLE/session+token=='
const SECRET_KEY = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY'

let testbed: Testbed
let server: Server
let endpoint: string
let respond: (request: IncomingMessage) => {
  readonly status: number
  readonly message: string
  /** Sent in place of JSON. */
  readonly html?: string
}

beforeAll(async () => {
  testbed = await createTestbed()
  server = createServer((request, response) => {
    request.resume()
    const { status, message, html } = respond(request)
    const type = html === undefined ? 'application/x-amz-json-1.1' : 'text/html; charset=utf-8'
    response.writeHead(status, { 'content-type': type, 'x-amzn-requestid': 'r-1' })
    response.end(html ?? JSON.stringify({ __type: 'InvalidSignatureException', message }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  await testbed.ok('write keymgmt/kms/plain provider=awskms key_collection=us-west-1')
  await testbed.ok(['write', 'keymgmt/kms/own', '-'], {
    stdin: JSON.stringify({
      provider: 'awskms',
      key_collection: 'us-west-1',
      credentials: {
        access_key: 'AKIAIOSFODNN7EXAMPLE',
        secret_key: SECRET_KEY,
        session_token: SESSION_TOKEN,
      },
    }),
  })
})

afterAll(async () => {
  server.close()
  await testbed.close()
})

async function distribute(provider: string, format: string): Promise<string> {
  const { status, stdout, stderr } = await testbed.run(
    `write -format=${format} keymgmt/kms/${provider}/key/app purpose=encrypt,decrypt`,
    {
      env: {
        AWS_ENDPOINT_URL_KMS: endpoint,
        AWS_SECRET_ACCESS_KEY: SECRET_KEY,
        AWS_SESSION_TOKEN: SESSION_TOKEN,
        KEYMGMT_DEBUG: '1',
      },
    },
  )
  expect(status).toBe(2)
  return stdout + stderr
}

describe.each(['plain', 'own'])('an error of a service, with the provider %s', (provider) => {
  beforeEach(() => {
    respond = () => ({ status: 403, message: 'no' })
  })

  it.each(['table', 'json'])('masks the credentials that it repeats as %s', async (format) => {
    respond = (request) => ({
      status: 403,
      message: `The Canonical String for this request should have been 'POST\n/\n\n${JSON.stringify(request.headers)}\nx-amz-security-token:${SESSION_TOKEN}\nkey=${SECRET_KEY}&token=${encodeURIComponent(SESSION_TOKEN)}'`,
    })
    const printed = await distribute(provider, format)
    expect(printed).toContain('The Canonical String for this request')
    expect(printed).toContain('[secret]')
    for (const secret of [SESSION_TOKEN, SECRET_KEY, encodeURIComponent(SESSION_TOKEN)])
      expect(printed).not.toContain(secret)
  })

  it('masks an unknown secret by its form', async () => {
    respond = () => ({
      status: 403,
      message: 'x-amz-security-token: another-token; "SecretAccessKey": "another-key"',
    })
    const printed = await distribute(provider, 'table')
    expect(printed).not.toContain('another-')
  })

  it('escapes control characters', async () => {
    respond = () => ({
      status: 403,
      message: 'red \u001b[31m\u0007\u202e text\r\nSuccess! Data written',
    })
    const printed = await distribute(provider, 'table')
    expect(printed).toContain('red \\x1b[31m\\x07\\u202e text\\r\\nSuccess!')
    expect(printed).not.toMatch(/[\u001b\u0007\u202e\r]/)
  })

  it('has a maximum length', async () => {
    respond = () => ({ status: 403, message: `<html>${'x'.repeat(100_000)}` })
    const printed = await distribute(provider, 'table')
    expect(printed).toContain('… (99406 more characters)')
    expect(printed).not.toMatch(/x{600}/)
  })

  it('is printed once, although every version fails with it', async () => {
    const text = 'The security token included in the request is not one that this service knows.'
    respond = () => ({ status: 403, message: text })
    await testbed.ok('write -f keymgmt/key/many type=ed25519')
    await testbed.ok('write -f keymgmt/key/many/rotate')
    await testbed.ok('write -f keymgmt/key/many/rotate')
    const { stderr, status } = await testbed.run(
      `write keymgmt/kms/${provider}/key/many purpose=sign,verify`,
      { env: { AWS_ENDPOINT_URL_KMS: endpoint } },
    )
    expect([status, stderr.split(text).length]).toEqual([2, 2])
    expect(stderr).toMatch(/^ {2}failed: .*version 2, create$/m)
    await testbed.ok('write keymgmt/key/many deletion_allowed=true')
  })

  it.each([
    ['<html>blocked</html>', 'HTTP status 403 with 20 bytes of text/html'],
    ['', 'HTTP status 403 with no content'],
  ])('of a proxy in its place (%j) is described', async (body, says) => {
    respond = () => ({ status: 403, message: '', html: body })
    const printed = await distribute(provider, 'table')
    expect(printed).toContain(says)
    expect(printed).toContain('a proxy or another service replied in its place')
    expect(printed).not.toContain('$response')
  })
})
