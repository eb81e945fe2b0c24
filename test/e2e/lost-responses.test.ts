import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms'
import { startDevKms, type DevKms } from '../../src/dev-kms/index.js'
import { startProxy, type Proxy, type Replacement, type ProxyFault } from '../support/proxy.js'
import { createSession, type Session } from '../support/session.js'

// Only AWS's own refusal, in AWS's own form, proves that no KMS key was created. After anything
// else keymgmt looks for the KMS key before it creates one.

const ID = '00000000-0000-4000-8000-000000000001'
const ARN = `arn:aws:kms:us-west-1:111122223333:key/${ID}`
const JSON_TYPE = 'application/x-amz-json-1.1'

const respond =
  (status: number, type: string, body: string, requestId = 'example'): Replacement =>
  (response) => {
    response.writeHead(status, { 'content-type': type, 'x-amzn-requestid': requestId }).end(body)
  }
const json = (body: unknown, status = 200) => respond(status, JSON_TYPE, JSON.stringify(body))
const html = (status: number) => respond(status, 'text/html', '<html>Sign in</html>')
const withoutRequestId: Replacement = (response) => {
  const body = JSON.stringify({ __type: 'AccessDeniedException', message: 'no' })
  response.writeHead(403, { 'content-type': JSON_TYPE }).end(body)
}
const truncated: Replacement = (response, answer) => {
  response.writeHead(200, { 'content-type': JSON_TYPE, 'x-amzn-requestid': 'example' })
  response.end(answer?.body.subarray(0, 40))
}
const cutInBody: Replacement = (response, answer) => {
  response.writeHead(200, answer?.headers)
  response.write(answer?.body.subarray(0, 40), () => response.destroy())
}

const MALFORMED: readonly (readonly [string, Replacement])[] = [
  ['status 200 with HTML', html(200)],
  ['an empty object', json({})],
  ['truncated JSON', truncated],
  ['nothing', respond(200, JSON_TYPE, '')],
  ['a list', json([])],
  ['no ARN', json({ KeyMetadata: { KeyId: ID } })],
  ['no key id', json({ KeyMetadata: { Arn: ARN } })],
  ['a key id of another form', json({ KeyMetadata: { KeyId: 'key-1', Arn: `${ARN}x` } })],
  ['the ARN of another KMS key', json({ KeyMetadata: { KeyId: ID, Arn: ARN.replace('1', '2') } })],
  [
    'the ARN of another Region',
    json({ KeyMetadata: { KeyId: ID, Arn: ARN.replace('west', 'east') } }),
  ],
  ['status 403 with HTML', html(403)],
  ['status 429 with HTML', html(429)],
  ['status 302', respond(302, 'text/html', '')],
  ['status 403 with JSON of another service', json({ message: 'Forbidden' }, 403)],
  ['an error that AWS does not have', json({ __type: 'BlockedByProxy' }, 400)],
  ['an error without a request id', withoutRequestId],
  ['a connection that is cut within the body', cutInBody],
]

describe('a request, mostly CreateKey, that gets', () => {
  let kms: DevKms
  let proxy: Proxy
  let session: Session
  let fault: ProxyFault | undefined
  let struck = 'CreateKey'
  let operations: string[] = []
  const creations = () => operations.filter((operation) => operation === 'CreateKey').length
  beforeAll(async () => {
    kms = await startDevKms()
    proxy = await startProxy(kms.endpoint, (_number, operation) => {
      operations.push(operation)
      return operations.filter((each) => each === struck).length === 1 && operation === struck
        ? fault
        : undefined
    })
    session = createSession(proxy.endpoint)
    const { accessKeyId, secretAccessKey } = kms.credentials
    await run(
      `write keymgmt/kms/k provider=awskms key_collection=us-west-1 credentials=access_key=${accessKeyId} credentials=secret_key=${secretAccessKey}`,
    )
  })
  beforeEach(() => {
    operations = []
  })
  afterEach(() => {
    fault = undefined
    struck = 'CreateKey'
  })
  afterAll(async () => {
    session.close()
    await proxy.close()
    await kms.close()
  })
  const run = async (line: string) => {
    const { status, stderr } = await session.run(line)
    if (status !== 0) throw new Error(stderr)
  }
  const countKmsKeys = async () => {
    const { endpoint, credentials } = kms
    const client = new KMSClient({ region: 'us-west-1', endpoint, credentials })
    const { Keys = [] } = await client.send(new ListKeysCommand({}))
    client.destroy()
    return Keys.length
  }
  const distribute = async (name: string) => {
    const before = await countKmsKeys()
    await run(`write -f keymgmt/key/${name} type=aes256-gcm96`)
    await run(`write keymgmt/kms/k/key/${name} purpose=encrypt,decrypt protection=hsm`)
    return (await countKmsKeys()) - before
  }

  it.each(MALFORMED.map(([title, kind], index) => [title, kind, index] as const))(
    '%s: the KMS key is found, and no other is created',
    async (_title, kind, index) => {
      fault = { when: 'after', kind }
      expect([await distribute(`found-${index}`), creations()]).toEqual([1, 1])
    },
  )

  const withoutAnswer = MALFORMED.filter(([, kind]) => kind !== truncated && kind !== cutInBody)
  it.each(withoutAnswer.map(([title, kind], index) => [title, kind, index] as const))(
    '%s without being carried out: one KMS key is created',
    async (_title, kind, index) => {
      fault = { when: 'before', kind }
      expect([await distribute(`created-${index}`), creations()]).toEqual([1, 2])
    },
  )

  it("nothing, as EnableKey does after a success, but without AWS's request id: it is sent again", async () => {
    await run('write -f keymgmt/key/twice type=aes256-gcm96')
    await run('write -f keymgmt/key/twice/rotate')
    await run('write keymgmt/kms/k/key/twice purpose=encrypt,decrypt protection=hsm')
    await run('write keymgmt/key/twice type=aes256-gcm96 min_enabled_version=2')
    struck = 'EnableKey'
    fault = { when: 'before', kind: (response) => response.writeHead(200).end() }
    await run('write keymgmt/key/twice type=aes256-gcm96 min_enabled_version=0')
    expect(operations.filter((operation) => operation === 'EnableKey')).toHaveLength(2)
    await run('read keymgmt/kms/k/key/twice/verify')
  })

  it("AWS's own refusal: no KMS key is searched for", async () => {
    const refusal = { __type: 'LimitExceededException', message: 'too many' }
    fault = { when: 'before', kind: json(refusal, 400) }
    await run('write -f keymgmt/key/refused type=aes256-gcm96')
    const line = 'write keymgmt/kms/k/key/refused purpose=encrypt,decrypt protection=hsm'
    const { stderr, status } = await session.run(line)
    expect([status, creations()]).toEqual([2, 1])
    expect(stderr).toContain('LimitExceededException')
    expect(operations).not.toContain('ListKeys')
  })
})
