import {
  CancelKeyDeletionCommand,
  DescribeKeyCommand,
  GenerateMacCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterEach, describe, expect, it } from '@jest/globals'
import { generateKeyPairSync } from 'node:crypto'
import { importMaterial } from '../../../src/kms/aws/material.js'
import { isFromSts } from '../../../src/kms/aws/responses.js'
import { reply, serve, sessionWith } from './service.js'

const ID = '00000000-0000-4000-8000-000000000001'
const ARN = `arn:aws:kms:us-west-1:111122223333:key/${ID}`
const IMPORT = { ImportToken: new Uint8Array(1), EncryptedKeyMaterial: new Uint8Array(1) }
const PARAMETERS = {
  KeyId: ARN,
  WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
  WrappingKeySpec: 'RSA_4096',
} as const

const clients = serve()
afterEach(() => {
  clients.close()
})
const clientOf: typeof clients.open = (...args) => clients.open(...args)

/** A valid reply to GetParametersForImport. */
const parameters = () => ({
  KeyId: ARN,
  PublicKey: generateKeyPairSync('rsa', { modulusLength: 4096 })
    .publicKey.export({ type: 'spki', format: 'der' })
    .toString('base64'),
  ImportToken: 'AAAA',
  ParametersValidTo: Date.now() / 1000 + 86_400,
})

describe('a reply', () => {
  const OTHER = ID.replace(/.$/, '2')
  it.each([
    ['names no KMS key', {}],
    ['names another one', { KeyId: ARN.replace(ID, OTHER) }],
    ['names one of another account', { KeyId: ARN.replace('111122223333', '444455556666') }],
    ['has no text as its name', { KeyId: [ARN] }],
  ])('that %s is refused', async (_title, body) => {
    const client = await clientOf(reply(200, body))
    const KeyId = ARN
    const commands = [
      client.send(new ImportKeyMaterialCommand({ KeyId, ...IMPORT })),
      client.send(new ScheduleKeyDeletionCommand({ KeyId })),
      client.send(new CancelKeyDeletionCommand({ KeyId })),
      client.send(new GetPublicKeyCommand({ KeyId })),
      client.send(
        new GenerateMacCommand({
          KeyId,
          MacAlgorithm: 'HMAC_SHA_256',
          Message: IMPORT.ImportToken,
        }),
      ),
      client.send(new DescribeKeyCommand({ KeyId })),
    ]
    for (const sent of await Promise.allSettled(commands))
      expect(sent).toMatchObject({
        status: 'rejected',
        reason: { code: 'KMS_FAILED', message: expect.stringContaining('no valid KeyId') },
      })
  })

  it.each([
    ['ImportToken', { ImportToken: '' }],
    ['ImportToken', { ImportToken: 'A'.repeat(10_000) }],
    ['ParametersValidTo', { ParametersValidTo: undefined }],
    ['PublicKey', { PublicKey: 'AAAA' }],
  ])('without a valid %s is refused', async (field, wrong) => {
    const body = { ...parameters(), ...wrong }
    const client = await clientOf(reply(200, body))
    await expect(client.send(new GetParametersForImportCommand(PARAMETERS))).rejects.toMatchObject({
      code: 'KMS_FAILED',
      message: expect.stringContaining(`no valid ${field}`),
    })
  })

  it('whose parameters have expired is refused before material is sent', async () => {
    const body = { ...parameters(), ParametersValidTo: Date.now() / 1000 - 60 }
    const client = await clientOf(reply(200, body))
    const toImport = { type: 'aes256-gcm96', material: new Uint8Array(32) } as const
    const sent = importMaterial(sessionWith(client), { id: ID, arn: ARN }, toImport)
    await expect(sent).rejects.toMatchObject({
      code: 'KMS_FAILED',
      message: expect.stringContaining('expired'),
    })
  })
})

describe('a reply of STS', () => {
  const isReply = (text: string) => isFromSts({ statusCode: 200, headers: {} }, Buffer.from(text))
  it.each(['<GetCallerIdentityResponse xmlns="x">', '<?xml version="1.0"?>\n<ErrorResponse>'])(
    'is %s',
    (text) => {
      expect(isReply(text)).toBe(true)
    },
  )
  it.each(['', '<!DOCTYPE html><html>', '{}'])('is not %s', (text) => {
    expect(isReply(text)).toBe(false)
  })
})
