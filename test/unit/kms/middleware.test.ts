import {
  CreateKeyCommand,
  DescribeKeyCommand,
  EnableKeyCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  ListAliasesCommand,
  ListGrantsCommand,
  paginateListKeys,
  ReplicateKeyCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createPublicKey } from 'node:crypto'
import { wrapForImport } from '../../../src/crypto/wrap.js'
import { planCalls } from '../../../src/kms/aws/dry-run.js'
import type { AwsMiddleware } from '../../../src/kms/aws/middleware.js'
import {
  recordPermissions,
  type RecordedPermissions,
} from '../../../src/kms/aws/policy/recorder.js'
import { boundedPages } from '../../../src/kms/aws/session.js'
import type { PlannedCall } from '../../../src/kms/planned-call.js'

import { reply, serve, type Handler } from './service.js'

const ID = '00000000-0000-4000-8000-000000000001'
const ARN = `arn:aws:kms:us-west-1:111122223333:key/${ID}`
const REGION = 'us-west-1'

const clients = serve()
afterEach(() => {
  clients.close()
})
const clientOf: typeof clients.open = (...args) => clients.open(...args)

/** Fails the test: no request may be sent. */
const unexpected: Handler = (_request, response) => {
  response.writeHead(418).end()
}

describe('the middleware', () => {
  it('passes a request through in order, and the reply back', async () => {
    const seen: string[] = []
    const noting =
      (name: string): AwsMiddleware =>
      async ({ operation, region, input }, next) => {
        seen.push(`${name} ${operation} ${region} ${String(input.KeyId)}`)
        const output = await next()
        seen.push(`${name} ${(output.KeyMetadata as { KeyId: string }).KeyId}`)
        return output
      }
    const client = await clientOf(reply(200, { KeyMetadata: { KeyId: ID, Arn: ARN } }), [
      noting('first'),
      noting('second'),
    ])
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: ARN }))
    expect(KeyMetadata?.KeyId).toBe(ID)
    expect(seen).toEqual([
      `first DescribeKey us-west-1 ${ARN}`,
      `second DescribeKey us-west-1 ${ARN}`,
      `second ${ID}`,
      `first ${ID}`,
    ])
  })

  it('translates an error once, with its name, code, hint and request id', async () => {
    const denied = { __type: 'AccessDeniedException', message: 'not you' }
    const client = await clientOf(reply(400, denied))
    await expect(client.send(new EnableKeyCommand({ KeyId: ARN }))).rejects.toMatchObject({
      name: 'KeymgmtError',
      code: 'KMS_ACCESS_DENIED',
      awsError: 'AccessDeniedException',
      message: `EnableKey in us-west-1 for KMS key ${ID}: AccessDeniedException: not you`,
      hints: [expect.stringContaining('kms:EnableKey')],
      requestId: 'r-1',
    })
  })

  it('refuses an unknown operation', async () => {
    const client = await clientOf(unexpected)
    await expect(client.send(new ListGrantsCommand({ KeyId: ID }))).rejects.toThrow(
      'ListGrants has no entry in OPERATIONS',
    )
  })

  it('names keymgmt and its version in the user agent', async () => {
    let userAgent: string | undefined
    const client = await clientOf((request, response) => {
      userAgent = request.headers['user-agent']
      reply(200, {})(request, response)
    })
    await client.send(new EnableKeyCommand({ KeyId: ID }))
    expect(userAgent).toMatch(/(^| )keymgmt\/1\.2\.3( |$)/)
  })

  it('ends a request under way with the signal', async () => {
    const stop = new AbortController()
    const arrived = () => {
      stop.abort()
    }
    const client = await clientOf(arrived, [], stop.signal)
    await expect(client.send(new EnableKeyCommand({ KeyId: ID }))).rejects.toMatchObject({
      code: 'INTERRUPTED',
    })
  })
})

describe('a response', () => {
  /**
   * Sends up to `megabytes` of JSON without a length while the client reads, and counts the bytes
   * sent.
   */
  function flood(status: number, megabytes: number) {
    const sent = { requests: 0, megabytes: 0 }
    const handler: Handler = (_request, response) => {
      sent.requests++
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
      const write = () => {
        if (response.destroyed) return
        if (sent.megabytes++ >= megabytes) response.end()
        else response.write('x'.repeat(1024 * 1024), () => setImmediate(write))
      }
      write()
    }
    return { sent, handler }
  }

  it.each([200, 400, 500])('of status %d that is too large is not read on', async (status) => {
    const { sent, handler } = flood(status, 300)
    const client = await clientOf(handler)
    await expect(client.send(new EnableKeyCommand({ KeyId: ID }))).rejects.toMatchObject({
      code: 'KMS_FAILED',
      message: expect.stringContaining('the response has more than 1048576 bytes'),
      hints: ['check the endpoint: no response of AWS KMS is that large'],
    })
    expect(sent.requests).toBe(1)
    expect(sent.megabytes).toBeLessThan(50)
  })

  it('that is too large leaves it open if a KMS key was created', async () => {
    const { handler } = flood(200, 3)
    const client = await clientOf(handler)
    await expect(client.send(new CreateKeyCommand({}))).rejects.toMatchObject({
      code: 'KMS_AMBIGUOUS',
    })
  })

  it('about another KMS key than the requested one is refused', async () => {
    const Arn = ARN.replace('111122223333', '444455556666')
    const client = await clientOf(reply(200, { KeyMetadata: { KeyId: ID, Arn } }))
    await expect(client.send(new DescribeKeyCommand({ KeyId: ARN }))).rejects.toMatchObject({
      code: 'KMS_FAILED',
      message: expect.stringContaining('no valid Arn'),
    })
  })

  it.each([
    ['a public exponent of 1', { n: Buffer.alloc(512, 0xff).toString('base64url'), e: 'AQ' }],
    ['2,048 bits', { n: Buffer.alloc(256, 0xff).toString('base64url'), e: 'AQAB' }],
  ])('whose wrapping key has %s is refused', async (_title, numbers) => {
    const jwk = { kty: 'RSA', ...numbers }
    const key = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' })
    const PublicKey = key.toString('base64')
    const client = await clientOf(reply(200, { KeyId: ARN, PublicKey, ImportToken: 'AAAA' }))
    const command = new GetParametersForImportCommand({
      KeyId: ARN,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_4096',
    })
    await expect(client.send(command)).rejects.toMatchObject({
      message: expect.stringContaining('no valid PublicKey'),
    })
  })

  it('of almost the largest size is read', async () => {
    const Description = 'x'.repeat(1024 * 1024 - 200)
    const client = await clientOf(reply(200, { KeyMetadata: { KeyId: ID, Arn: ARN, Description } }))
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: ID }))
    expect(KeyMetadata?.Description).toBe(Description)
  })

  it.each([
    ['has the same marker again', 'AAAA'],
    ['has a marker that is not text', 5],
  ])('to ListKeys that %s ends the list with an error', async (_title, NextMarker) => {
    const client = await clientOf(reply(200, { Keys: [], Truncated: true, NextMarker }))
    const read = async () => {
      for await (const page of boundedPages('ListKeys', paginateListKeys({ client }, {})))
        expect(page.Keys).toEqual([])
    }
    await expect(read()).rejects.toMatchObject({ code: 'KMS_FAILED' })
  })
})

describe('a dry run', () => {
  it('replies to requests that would change AWS, or that concern KMS keys it would create', async () => {
    const calls: PlannedCall[] = []
    const client = await clientOf(unexpected, [planCalls(calls)])
    const created = await client.send(new CreateKeyCommand({ Description: 'app version 1' }))
    const KeyId = created.KeyMetadata?.KeyId ?? ''
    expect(KeyId).toBe('(app version 1)')
    const WrappingAlgorithm = 'RSAES_OAEP_SHA_256'
    const { PublicKey = new Uint8Array(), ImportToken } = await client.send(
      new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_4096' }),
    )
    const EncryptedKeyMaterial = wrapForImport(WrappingAlgorithm, PublicKey, new Uint8Array(32))
    await client.send(new ImportKeyMaterialCommand({ KeyId, ImportToken, EncryptedKeyMaterial }))
    await expect(client.send(new GetPublicKeyCommand({ KeyId }))).rejects.toMatchObject({
      awsError: 'DisabledException',
    })
    await client.send(new UpdateAliasCommand({ AliasName: 'alias/a', TargetKeyId: KeyId }))
    const made = { region: REGION, kmsKey: KeyId, monthlyCost: 0 }
    expect(calls).toEqual([
      { ...made, operation: 'CreateKey', monthlyCost: 1 },
      { ...made, operation: 'GetParametersForImport' },
      { ...made, operation: 'ImportKeyMaterial' },
      { ...made, operation: 'GetPublicKey' },
      { ...made, operation: 'UpdateAlias', alias: 'alias/a' },
    ])
  })

  it('sends requests about existing KMS keys, but not about a replica that it would create', async () => {
    const calls: PlannedCall[] = []
    const plan = planCalls(calls)
    const client = await clientOf(reply(200, { KeyMetadata: { KeyId: ID, Arn: ARN } }), [plan])
    const describe = async () =>
      (await client.send(new DescribeKeyCommand({ KeyId: ID }))).KeyMetadata
    expect(await describe()).toEqual({ KeyId: ID, Arn: ARN })
    await client.send(new ReplicateKeyCommand({ KeyId: ARN, ReplicaRegion: 'eu-west-1' }))
    expect(await describe()).toEqual({ KeyId: ID, Arn: ARN })
    const request = { operation: 'DescribeKey', region: 'eu-west-1', input: { KeyId: ID } } as const
    expect(await plan(request, () => Promise.reject(new Error('it was sent')))).toMatchObject({
      KeyMetadata: { KeyId: ID, KeyState: 'PendingImport' },
    })
    expect(calls.map(({ operation, region }) => `${operation} ${region}`)).toEqual([
      'ReplicateKey us-west-1',
      'DescribeKey eu-west-1',
    ])
  })
})

describe('the permission recorder', () => {
  const settings = { region: REGION, credentials: {} }
  const denied = reply(400, { __type: 'AccessDeniedException', message: 'no' })

  it('records questions that AWS denies, and lets the command continue', async () => {
    const recorded: RecordedPermissions[] = []
    const client = await clientOf(denied, [recordPermissions(recorded)(settings)])
    const known = await client.send(new DescribeKeyCommand({ KeyId: ARN }))
    expect(known.KeyMetadata).toMatchObject({ KeyId: ID, Arn: ARN, KeyState: 'Enabled' })
    await expect(client.send(new DescribeKeyCommand({ KeyId: ID }))).rejects.toMatchObject({
      awsError: 'NotFoundException',
    })
    expect((await client.send(new ListAliasesCommand({}))).Aliases).toBeUndefined()
    expect(recorded).toMatchObject([
      { arns: new Set([ARN]), unanswered: new Set(['DescribeKey', 'ListAliases']) },
    ])
  })

  it('passes on refusals of changes, and other failures', async () => {
    const record = recordPermissions([])(settings)
    const enable = new EnableKeyCommand({ KeyId: ARN })
    await expect((await clientOf(denied, [record])).send(enable)).rejects.toMatchObject({
      code: 'KMS_ACCESS_DENIED',
    })
    const invalid = reply(400, { __type: 'InvalidArnException', message: 'no' })
    const question = new DescribeKeyCommand({ KeyId: ARN })
    await expect((await clientOf(invalid, [record])).send(question)).rejects.toMatchObject({
      code: 'KMS_FAILED',
    })
  })

  it('takes the conditions from the input, and the former target of an alias from ListAliases', async () => {
    const recorded: RecordedPermissions[] = []
    const Aliases = [{ AliasName: 'alias/a', TargetKeyId: 'former' }]
    const client = await clientOf(reply(200, { Aliases }), [
      recordPermissions(recorded)(settings),
      planCalls([]),
    ])
    const move = () =>
      client.send(new UpdateAliasCommand({ AliasName: 'alias/a', TargetKeyId: ARN }))
    await move()
    await client.send(new ListAliasesCommand({}))
    await move()
    await client.send(
      new GetParametersForImportCommand({
        KeyId: ARN,
        WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
        WrappingKeySpec: 'RSA_4096',
      }),
    )
    const [before, , after, parameters] = recorded[0]?.required ?? []
    expect(before?.keys).toEqual([{ name: 'key/*', values: { 'kms:KeyOrigin': ['EXTERNAL'] } }])
    expect(after?.keys?.map(({ name }) => name)).toEqual([`key/${ID}`, 'key/former'])
    expect(parameters?.values).toEqual({
      'kms:WrappingAlgorithm': ['RSAES_OAEP_SHA_256'],
      'kms:WrappingKeySpec': ['RSA_4096'],
    })
  })
})
