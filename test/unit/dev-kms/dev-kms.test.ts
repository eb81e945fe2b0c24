import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  KMSClient,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  UpdateAliasCommand,
  type CreateKeyCommandInput,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import { wrapForImport, type WrappingAlgorithm } from '../../../src/crypto/wrap.js'
import { parseFault, startDevKms, type DevKms } from '../../../src/dev-kms/index.js'

let kms: DevKms
let now = Date.now()
beforeAll(async () => {
  kms = await startDevKms({ now: () => new Date(now) })
})
afterAll(() => kms.close())

const client = (region = 'us-east-1', credentials = kms.credentials) =>
  new KMSClient({ region, endpoint: kms.endpoint, credentials, maxAttempts: 1 })

async function create(input: CreateKeyCommandInput = {}): Promise<string> {
  return (
    (await client().send(new CreateKeyCommand({ Origin: 'EXTERNAL', ...input }))).KeyMetadata
      ?.KeyId ?? ''
  )
}

async function parameters(KeyId: string, WrappingAlgorithm: WrappingAlgorithm, region?: string) {
  return client(region).send(
    new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_4096' }),
  )
}

async function put(
  KeyId: string,
  material: Uint8Array,
  algorithm: WrappingAlgorithm = 'RSAES_OAEP_SHA_256',
  options: { region?: string; ValidTo?: Date } = {},
) {
  const { PublicKey, ImportToken } = await parameters(KeyId, algorithm, options.region)
  return client(options.region).send(
    new ImportKeyMaterialCommand({
      KeyId,
      ImportToken,
      EncryptedKeyMaterial: wrapForImport(algorithm, PublicKey ?? new Uint8Array(), material),
      ...(options.ValidTo
        ? { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: options.ValidTo }
        : { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }),
    }),
  )
}

const stateOf = async (KeyId: string, region?: string) =>
  (await client(region).send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState
const fails = (attempt: Promise<unknown>, name: string) =>
  expect(attempt).rejects.toMatchObject({ name })

describe('import', () => {
  it('enables a key, which uses that material', async () => {
    const id = await create()
    expect(await stateOf(id)).toBe('PendingImport')
    await fails(
      client().send(new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('x') })),
      'KMSInvalidStateException',
    )
    const { KeyMaterialId } = await put(id, randomBytes(32))
    expect(KeyMaterialId).toMatch(/^[0-9a-f]{64}$/)
    const { CiphertextBlob } = await client().send(
      new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('x') }),
    )
    expect(
      Buffer.from(
        (await client().send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [],
      ).toString(),
    ).toBe('x')
  })
  it('accepts the same material again, and no other', async () => {
    const [id, material] = [await create(), randomBytes(32)]
    await put(id, material)
    await put(id, material)
    await fails(put(id, randomBytes(32)), 'IncorrectKeyMaterialException')
  })
  it.each([16, 31, 33])('refuses %d bytes for a symmetric key', async (length) => {
    await fails(put(await create(), randomBytes(length)), 'IncorrectKeyMaterialException')
  })
  it('refuses a wrapping that AWS does not support for the key', async () => {
    await fails(
      parameters(await create(), 'RSA_AES_KEY_WRAP_SHA_256'),
      'UnsupportedOperationException',
    )
    await fails(
      parameters(
        await create({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
        'RSAES_OAEP_SHA_256',
      ),
      'UnsupportedOperationException',
    )
  })
  it('refuses the token of another key, an expired one, and garbage', async () => {
    const [one, other] = [await create(), await create()]
    const { PublicKey, ImportToken } = await parameters(one, 'RSAES_OAEP_SHA_256')
    const input = {
      KeyId: one,
      ImportToken,
      EncryptedKeyMaterial: wrapForImport(
        'RSAES_OAEP_SHA_256',
        PublicKey ?? new Uint8Array(),
        randomBytes(32),
      ),
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' as const,
    }
    await fails(
      client().send(new ImportKeyMaterialCommand({ ...input, KeyId: other })),
      'InvalidImportTokenException',
    )
    await fails(
      client().send(
        new ImportKeyMaterialCommand({ ...input, EncryptedKeyMaterial: randomBytes(512) }),
      ),
      'InvalidCiphertextException',
    )
    await fails(
      client().send(new ImportKeyMaterialCommand({ ...input, ExpirationModel: undefined })),
      'ValidationException',
    )
  })
  it('lets material expire', async () => {
    const [id, material] = [await create(), randomBytes(32)]
    await put(id, material, 'RSAES_OAEP_SHA_256', { ValidTo: new Date(now + 60_000) })
    expect(await stateOf(id)).toBe('Enabled')
    now += 61_000
    expect(await stateOf(id)).toBe('PendingImport')
    now -= 61_000
  })
  it('signs with an imported private key so that its public key verifies', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const id = await create({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
    await put(id, privateKey.export({ format: 'der', type: 'pkcs8' }), 'RSA_AES_KEY_WRAP_SHA_256')
    const { PublicKey } = await client().send(new GetPublicKeyCommand({ KeyId: id }))
    expect(
      Buffer.from(PublicKey ?? []).equals(publicKey.export({ format: 'der', type: 'spki' })),
    ).toBe(true)
    const { Signature } = await client().send(
      new SignCommand({ KeyId: id, Message: Buffer.from('m'), SigningAlgorithm: 'ECDSA_SHA_256' }),
    )
    expect(
      verify(
        'sha256',
        Buffer.from('m'),
        createPublicKey(privateKey),
        Signature ?? new Uint8Array(),
      ),
    ).toBe(true)
  })
  it('refuses a private key of another curve', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const id = await create({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
    await fails(
      put(id, privateKey.export({ format: 'der', type: 'pkcs8' }), 'RSA_AES_KEY_WRAP_SHA_256'),
      'IncorrectKeyMaterialException',
    )
  })
})

describe('states', () => {
  it('refuses to enable a key without material, and schedules a deletion once', async () => {
    const KeyId = await create()
    await fails(client().send(new EnableKeyCommand({ KeyId })), 'KMSInvalidStateException')
    await fails(
      client().send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 6 })),
      'ValidationException',
    )
    await client().send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    await fails(
      client().send(new ScheduleKeyDeletionCommand({ KeyId })),
      'KMSInvalidStateException',
    )
    await client().send(new CancelKeyDeletionCommand({ KeyId }))
    await fails(client().send(new CancelKeyDeletionCommand({ KeyId })), 'KMSInvalidStateException')
  })
  it('deletes a key after its waiting period', async () => {
    const KeyId = await create()
    await client().send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    now += 8 * 86_400_000
    const later = new KMSClient({
      region: 'us-east-1',
      endpoint: kms.endpoint,
      credentials: kms.credentials,
      maxAttempts: 1,
      systemClockOffset: 8 * 86_400_000,
    })
    await fails(later.send(new DescribeKeyCommand({ KeyId })), 'NotFoundException')
    now -= 8 * 86_400_000
  })
})

describe('aliases', () => {
  it('are unique, and move only between keys of one kind', async () => {
    const [one, mac] = [
      await create(),
      await create({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }),
    ]
    await client().send(new CreateAliasCommand({ AliasName: 'alias/one', TargetKeyId: one }))
    await fails(
      client().send(new CreateAliasCommand({ AliasName: 'alias/one', TargetKeyId: one })),
      'AlreadyExistsException',
    )
    await fails(
      client().send(new UpdateAliasCommand({ AliasName: 'alias/one', TargetKeyId: mac })),
      'ValidationException',
    )
    await fails(
      client().send(new CreateAliasCommand({ AliasName: 'one', TargetKeyId: one })),
      'ValidationException',
    )
    await fails(
      client().send(new CreateAliasCommand({ AliasName: 'alias/aws/x', TargetKeyId: one })),
      'NotAuthorizedException',
    )
  })
})

describe('replicas', () => {
  it("become available, and accept only their primary's material", async () => {
    const [KeyId, material] = [await create({ MultiRegion: true }), randomBytes(32)]
    const replicate = () =>
      client().send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' }))
    await fails(replicate(), 'KMSInvalidStateException')
    await put(KeyId, material)
    await replicate()
    await fails(replicate(), 'AlreadyExistsException')
    expect(await stateOf(KeyId, 'eu-west-1')).toBe('Creating')
    now += 1_000
    expect(await stateOf(KeyId, 'eu-west-1')).toBe('PendingImport')
    await fails(
      put(KeyId, randomBytes(32), 'RSAES_OAEP_SHA_256', { region: 'eu-west-1' }),
      'IncorrectKeyMaterialException',
    )
    await put(KeyId, material, 'RSAES_OAEP_SHA_256', { region: 'eu-west-1' })
    await client().send(new ScheduleKeyDeletionCommand({ KeyId }))
    expect(await stateOf(KeyId)).toBe('PendingReplicaDeletion')
  })
})

describe('signatures', () => {
  it('are verified', async () => {
    const wrong = { ...kms.credentials, secretAccessKey: 'wrong' }
    await fails(
      client('us-east-1', wrong).send(new DescribeKeyCommand({ KeyId: 'x' })),
      'InvalidSignatureException',
    )
    await fails(
      client('us-east-1', { ...wrong, accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }).send(
        new DescribeKeyCommand({ KeyId: 'x' }),
      ),
      'UnrecognizedClientException',
    )
    const unsigned = await fetch(kms.endpoint, {
      method: 'POST',
      headers: { 'x-amz-target': 'TrentService.ListKeys' },
      body: '{}',
    })
    expect([unsigned.status, await unsigned.json()]).toMatchObject([
      400,
      { __type: 'MissingAuthenticationTokenException' },
    ])
  })
})

describe('faults and quotas', () => {
  it.each(['CreateKey', 'CreateKey:0:drop', 'CreateKey:1:burn', 'CreateKey:1:drop:x'])(
    '%s is not a fault',
    (text) => {
      expect(() => parseFault(text)).toThrow('Operation:nth:kind')
    },
  )
  it("enforces AWS's quotas", async () => {
    const strict = await startDevKms({ quotas: 'aws' })
    try {
      const kmsClient = new KMSClient({
        region: 'us-east-1',
        endpoint: strict.endpoint,
        credentials: strict.credentials,
        maxAttempts: 1,
      })
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, () => kmsClient.send(new CreateKeyCommand({}))),
      )
      const throttled = results.filter(
        (result) =>
          result.status === 'rejected' && (result.reason as Error).name === 'ThrottlingException',
      )
      expect(throttled.length).toBeGreaterThan(0)
      expect(throttled.length).toBeLessThan(8)
    } finally {
      await strict.close()
    }
  })
})
