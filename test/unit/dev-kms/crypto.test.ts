import {
  CreateKeyCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateMacCommand,
  GenerateRandomCommand,
  GetKeyLastUsageCommand,
  GetPublicKeyCommand,
  KMSClient,
  ReEncryptCommand,
  ReplicateKeyCommand,
  SignCommand,
  VerifyCommand,
  VerifyMacCommand,
  type DataKeyPairSpec,
  type EncryptionAlgorithmSpec,
  type KeySpec,
  type KeyUsageType,
  type MacAlgorithmSpec,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  constants,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { ABROAD, createLab, errorOf, HOME, type Lab } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await createLab()
})
afterAll(() => lab.close())

const pkcs8 = (key: KeyObject) => key.export({ format: 'der', type: 'pkcs8' })
const bytes = (value: Uint8Array | undefined) => Buffer.from(value ?? [])
const message = Buffer.from('the quick brown fox')

/** A KMS key with this private key. */
async function imported(
  KeySpec: KeySpec,
  KeyUsage: KeyUsageType,
  material: Uint8Array,
): Promise<string> {
  const id = await lab.create({ KeySpec, KeyUsage })
  await lab.put(id, material)
  return id
}

const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits }).privateKey
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey

const RSA_ALGORITHMS = ['PKCS1_V1_5', 'PSS'].flatMap((scheme) =>
  ['256', '384', '512'].map((bits) => `RSASSA_${scheme}_SHA_${bits}`),
)

const SIGNING: readonly [KeySpec, () => KeyObject, readonly string[]][] = [
  ['RSA_2048', () => rsa(2048), RSA_ALGORITHMS],
  ['RSA_3072', () => rsa(3072), RSA_ALGORITHMS],
  ['RSA_4096', () => rsa(4096), RSA_ALGORITHMS],
  ['ECC_NIST_P256', () => ec('P-256'), ['ECDSA_SHA_256']],
  ['ECC_NIST_P384', () => ec('P-384'), ['ECDSA_SHA_384']],
  ['ECC_NIST_P521', () => ec('P-521'), ['ECDSA_SHA_512']],
  ['ECC_SECG_P256K1', () => ec('secp256k1'), ['ECDSA_SHA_256']],
]

/** AWS's documented parameters, for OpenSSL. */
function parameters(algorithm: string, key: KeyObject) {
  const bits = algorithm.slice(-3)
  if (algorithm.startsWith('ECDSA'))
    return { hash: `sha${bits}`, options: { key, dsaEncoding: 'der' as const } }
  if (algorithm.includes('PKCS1'))
    return { hash: `sha${bits}`, options: { key, padding: constants.RSA_PKCS1_PADDING } }
  return {
    hash: `sha${bits}`,
    options: { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(bits) / 8 },
  }
}

describe.each(SIGNING)('%s signs', (keySpec, generate, algorithms) => {
  const privateKey = generate()
  let KeyId: string
  beforeAll(async () => {
    KeyId = await imported(keySpec, 'SIGN_VERIFY', pkcs8(privateKey))
  })

  it('and lists its algorithms like AWS', async () => {
    const answer = await lab.client().send(new GetPublicKeyCommand({ KeyId }))
    expect(answer).toMatchObject({
      KeySpec: keySpec,
      CustomerMasterKeySpec: keySpec,
      KeyUsage: 'SIGN_VERIFY',
      SigningAlgorithms: algorithms,
    })
    expect(answer.EncryptionAlgorithms).toBeUndefined()
    expect(
      bytes(answer.PublicKey).equals(
        createPublicKey(privateKey).export({ format: 'der', type: 'spki' }),
      ),
    ).toBe(true)
    const { KeyMetadata } = await lab.client().send(new DescribeKeyCommand({ KeyId }))
    expect(KeyMetadata?.SigningAlgorithms).toEqual(algorithms)
  })

  it.each(
    algorithms.flatMap(
      (algorithm) =>
        [
          [algorithm, 'RAW'],
          [algorithm, 'DIGEST'],
        ] as const,
    ),
  )('%s, %s', async (SigningAlgorithm, MessageType) => {
    const { hash, options } = parameters(SigningAlgorithm, privateKey)
    const Message = MessageType === 'RAW' ? message : createHash(hash).update(message).digest()
    const common = {
      KeyId,
      SigningAlgorithm: SigningAlgorithm as SigningAlgorithmSpec,
      Message,
      MessageType,
    }
    const { Signature } = await lab.client().send(new SignCommand(common))
    expect(
      verify(
        hash,
        message,
        { ...options, key: createPublicKey(privateKey) },
        Signature ?? Buffer.alloc(0),
      ),
    ).toBe(true)
    for (const ours of [Signature, sign(hash, message, options)]) {
      expect(
        await lab.client().send(new VerifyCommand({ ...common, Signature: ours })),
      ).toMatchObject({ SignatureValid: true, SigningAlgorithm })
    }
    const wrong = bytes(Signature)
    wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1
    expect(
      await errorOf(lab.client().send(new VerifyCommand({ ...common, Signature: wrong }))),
    ).toBe('KMSInvalidSignatureException')
    expect(
      await errorOf(
        lab.client().send(new VerifyCommand({ ...common, Signature: randomBytes(70) })),
      ),
    ).toBe('KMSInvalidSignatureException')
  })

  it('refuses a digest of another length, other algorithms and other usages', async () => {
    const SigningAlgorithm = algorithms[0] as SigningAlgorithmSpec
    const send = (input: object) =>
      errorOf(
        lab.client().send(new SignCommand({ KeyId, SigningAlgorithm, Message: message, ...input })),
      )
    expect(await send({ MessageType: 'DIGEST' })).toBe('ValidationException')
    expect(await send({ MessageType: 'EXTERNAL_MU' })).toBe('ValidationException')
    expect(await send({ SigningAlgorithm: 'ED25519_SHA_512' })).toBe('InvalidKeyUsageException')
    expect(await send({ Message: Buffer.alloc(4097) })).toBe('ValidationException')
    expect(
      await errorOf(lab.client().send(new EncryptCommand({ KeyId, Plaintext: message }))),
    ).toBe('InvalidKeyUsageException')
    expect(await send({ DryRun: true })).toBe('DryRunOperationException')
  })
})

it('two signatures of a digest by ECDSA or PSS differ', async () => {
  const KeyId = await imported('ECC_NIST_P256', 'SIGN_VERIFY', pkcs8(ec('P-256')))
  const one = () =>
    lab.client().send(
      new SignCommand({
        KeyId,
        SigningAlgorithm: 'ECDSA_SHA_256',
        Message: createHash('sha256').digest(),
        MessageType: 'DIGEST',
      }),
    )
  expect((await one()).Signature).not.toEqual((await one()).Signature)
})

it('a PSS signature with another salt length is invalid', async () => {
  const key = rsa(2048)
  const KeyId = await imported('RSA_2048', 'SIGN_VERIFY', pkcs8(key))
  const Signature = sign('sha256', message, {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 20,
  })
  for (const [Message, MessageType] of [
    [message, 'RAW'],
    [createHash('sha256').update(message).digest(), 'DIGEST'],
  ] as const) {
    expect(
      await errorOf(
        lab.client().send(
          new VerifyCommand({
            KeyId,
            SigningAlgorithm: 'RSASSA_PSS_SHA_256',
            Message,
            MessageType,
            Signature,
          }),
        ),
      ),
    ).toBe('KMSInvalidSignatureException')
  }
})

describe('ECC_NIST_EDWARDS25519', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  let KeyId: string
  beforeAll(async () => {
    KeyId = await imported('ECC_NIST_EDWARDS25519', 'SIGN_VERIFY', pkcs8(privateKey))
  })
  const send = (input: object) =>
    lab
      .client()
      .send(
        new SignCommand({ KeyId, SigningAlgorithm: 'ED25519_SHA_512', Message: message, ...input }),
      )

  it('signs a message, never a digest', async () => {
    expect(verify(null, message, publicKey, bytes((await send({})).Signature))).toBe(true)
    expect(
      await errorOf(send({ MessageType: 'DIGEST', Message: createHash('sha512').digest() })),
    ).toBe('ValidationException')
  })
  it('refuses Ed25519ph as unsupported', async () => {
    expect(
      await errorOf(send({ SigningAlgorithm: 'ED25519_PH_SHA_512', MessageType: 'RAW' })),
    ).toBe('ValidationException')
    expect(
      await errorOf(
        send({
          SigningAlgorithm: 'ED25519_PH_SHA_512',
          MessageType: 'DIGEST',
          Message: createHash('sha512').digest(),
        }),
      ),
    ).toBe('UnsupportedOperationException')
  })
})

describe.each([
  ['RSA_2048', 2048],
  ['RSA_3072', 3072],
  ['RSA_4096', 4096],
] as const)('%s encrypts', (keySpec, modulusLength) => {
  const privateKey = rsa(modulusLength)
  let KeyId: string
  beforeAll(async () => {
    KeyId = await imported(keySpec, 'ENCRYPT_DECRYPT', pkcs8(privateKey))
  })

  it.each([
    ['RSAES_OAEP_SHA_1', 'sha1', 20],
    ['RSAES_OAEP_SHA_256', 'sha256', 32],
  ] as const)('%s, up to its limit', async (EncryptionAlgorithm, oaepHash, length) => {
    const most = modulusLength / 8 - 2 * length - 2
    const Plaintext = randomBytes(most)
    const options = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }
    const { CiphertextBlob } = await lab
      .client()
      .send(new EncryptCommand({ KeyId, EncryptionAlgorithm, Plaintext }))
    expect(privateDecrypt(options, bytes(CiphertextBlob)).equals(Plaintext)).toBe(true)
    const theirs = publicEncrypt({ ...options, key: createPublicKey(privateKey) }, Plaintext)
    const opened = await lab
      .client()
      .send(new DecryptCommand({ KeyId, EncryptionAlgorithm, CiphertextBlob: theirs }))
    expect(bytes(opened.Plaintext).equals(Plaintext)).toBe(true)
    expect(opened.KeyMaterialId).toBeUndefined()
    expect(
      await errorOf(
        lab
          .client()
          .send(
            new EncryptCommand({ KeyId, EncryptionAlgorithm, Plaintext: randomBytes(most + 1) }),
          ),
      ),
    ).toBe('ValidationException')
  })
  it('refuses the same inputs as AWS', async () => {
    const { CiphertextBlob } = await lab.client().send(
      new EncryptCommand({
        KeyId,
        EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
        Plaintext: message,
      }),
    )
    const decrypt = (input: object) =>
      errorOf(lab.client().send(new DecryptCommand({ KeyId, CiphertextBlob, ...input })))
    expect(await decrypt({ EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' })).toBe(
      'InvalidCiphertextException',
    )
    expect(await decrypt({ EncryptionAlgorithm: 'RSAES_OAEP_SHA_256', KeyId: undefined })).toBe(
      'ValidationException',
    )
    expect(await decrypt({})).toBe('InvalidKeyUsageException')
    const encrypt = (input: object) =>
      errorOf(lab.client().send(new EncryptCommand({ KeyId, Plaintext: message, ...input })))
    expect(await encrypt({})).toBe('InvalidKeyUsageException')
    expect(
      await encrypt({ EncryptionAlgorithm: 'RSAES_OAEP_SHA_256', EncryptionContext: { a: 'b' } }),
    ).toBe('ValidationException')
    expect(
      await errorOf(lab.client().send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))),
    ).toBe('InvalidKeyUsageException')
  })
  it('lists its algorithms', async () => {
    const EncryptionAlgorithms: EncryptionAlgorithmSpec[] = [
      'RSAES_OAEP_SHA_1',
      'RSAES_OAEP_SHA_256',
    ]
    expect(await lab.client().send(new GetPublicKeyCommand({ KeyId }))).toMatchObject({
      EncryptionAlgorithms,
    })
    expect((await lab.client().send(new DescribeKeyCommand({ KeyId }))).KeyMetadata).toMatchObject({
      EncryptionAlgorithms,
    })
  })
})

describe.each([
  ['ECC_NIST_P256', 'P-256', 'P-384'],
  ['ECC_NIST_P384', 'P-384', 'P-521'],
  ['ECC_NIST_P521', 'P-521', 'P-256'],
] as const)('%s agrees', (keySpec, curve, other) => {
  it('on the same secret as the other side, on the same curve only', async () => {
    const [ours, theirs] = [ec(curve), generateKeyPairSync('ec', { namedCurve: curve })]
    const KeyId = await imported(keySpec, 'KEY_AGREEMENT', pkcs8(ours))
    const derive = (key: KeyObject) =>
      lab.client().send(
        new DeriveSharedSecretCommand({
          KeyId,
          KeyAgreementAlgorithm: 'ECDH',
          PublicKey: key.export({ format: 'der', type: 'spki' }),
        }),
      )
    const answer = await derive(theirs.publicKey)
    expect(
      bytes(answer.SharedSecret).equals(
        diffieHellman({ privateKey: theirs.privateKey, publicKey: createPublicKey(ours) }),
      ),
    ).toBe(true)
    expect(answer).toMatchObject({ KeyAgreementAlgorithm: 'ECDH', KeyOrigin: 'EXTERNAL' })
    expect(await errorOf(derive(generateKeyPairSync('ec', { namedCurve: other }).publicKey))).toBe(
      'ValidationException',
    )
    expect(
      (await lab.client().send(new GetPublicKeyCommand({ KeyId }))).KeyAgreementAlgorithms,
    ).toEqual(['ECDH'])
    expect(
      await errorOf(
        lab
          .client()
          .send(new SignCommand({ KeyId, SigningAlgorithm: 'ECDSA_SHA_256', Message: message })),
      ),
    ).toBe('InvalidKeyUsageException')
  })
})

describe.each([
  [224, 28],
  [256, 32],
  [384, 48],
  [512, 64],
])('HMAC_%d', (bits, length) => {
  it('generates the MAC of its material', async () => {
    const material = randomBytes(length)
    const KeyId = await imported(`HMAC_${String(bits)}` as KeySpec, 'GENERATE_VERIFY_MAC', material)
    const MacAlgorithm = `HMAC_SHA_${String(bits)}` as MacAlgorithmSpec
    const { Mac } = await lab
      .client()
      .send(new GenerateMacCommand({ KeyId, Message: message, MacAlgorithm }))
    expect(
      bytes(Mac).equals(
        createHmac(`sha${String(bits)}`, material)
          .update(message)
          .digest(),
      ),
    ).toBe(true)
    expect(
      await lab.client().send(new VerifyMacCommand({ KeyId, Message: message, MacAlgorithm, Mac })),
    ).toMatchObject({ MacValid: true, MacAlgorithm })
    expect(
      await errorOf(
        lab.client().send(
          new VerifyMacCommand({
            KeyId,
            Message: message,
            MacAlgorithm,
            Mac: randomBytes(length),
          }),
        ),
      ),
    ).toBe('KMSInvalidMacException')
    const other = bits === 512 ? 'HMAC_SHA_224' : 'HMAC_SHA_512'
    expect(
      await errorOf(
        lab.client().send(new GenerateMacCommand({ KeyId, Message: message, MacAlgorithm: other })),
      ),
    ).toBe('InvalidKeyUsageException')
    expect(
      (await lab.client().send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.MacAlgorithms,
    ).toEqual([MacAlgorithm])
    expect(await errorOf(lab.client().send(new GetPublicKeyCommand({ KeyId })))).toBe(
      'UnsupportedOperationException',
    )
  })
})

describe('SYMMETRIC_DEFAULT', () => {
  let KeyId: string
  let other: string
  beforeAll(async () => {
    KeyId = await imported('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', randomBytes(32))
    other = await imported('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', randomBytes(32))
  })
  const encrypt = async (input: object = {}) =>
    (await lab.client().send(new EncryptCommand({ KeyId, Plaintext: message, ...input })))
      .CiphertextBlob
  const decrypt = (input: object) => lab.client().send(new DecryptCommand(input))

  it('decrypts with the same context only, in any order', async () => {
    const CiphertextBlob = await encrypt({ EncryptionContext: { a: '1', b: '2' } })
    expect(
      bytes(
        (await decrypt({ CiphertextBlob, EncryptionContext: { b: '2', a: '1' } })).Plaintext,
      ).equals(message),
    ).toBe(true)
    expect(await errorOf(decrypt({ CiphertextBlob }))).toBe('InvalidCiphertextException')
    expect(await errorOf(decrypt({ CiphertextBlob, EncryptionContext: { a: '1', b: '3' } }))).toBe(
      'InvalidCiphertextException',
    )
  })
  it('names its key, and no other key decrypts', async () => {
    const CiphertextBlob = await encrypt()
    expect(await errorOf(decrypt({ CiphertextBlob, KeyId: other }))).toBe('IncorrectKeyException')
    expect(await errorOf(decrypt({ CiphertextBlob: randomBytes(200) }))).toBe(
      'InvalidCiphertextException',
    )
    expect(
      await errorOf(lab.client('eu-west-1').send(new DecryptCommand({ CiphertextBlob }))),
    ).toBe('AccessDeniedException')
    expect(await errorOf(encrypt({ EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }))).toBe(
      'InvalidKeyUsageException',
    )
    expect(await errorOf(encrypt({ Plaintext: Buffer.alloc(4097) }))).toBe('ValidationException')
  })
  it('checks everything in a dry run, and then does nothing', async () => {
    const CiphertextBlob = await encrypt()
    expect(await errorOf(decrypt({ CiphertextBlob, DryRun: true }))).toBe(
      'DryRunOperationException',
    )
    expect(await errorOf(decrypt({ CiphertextBlob: randomBytes(200), DryRun: true }))).toBe(
      'InvalidCiphertextException',
    )
    expect(await errorOf(decrypt({ KeyId, DryRun: true }))).toBe('ValidationException')
    expect(
      await errorOf(decrypt({ KeyId, DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] })),
    ).toBe('DryRunOperationException')
    expect(
      await errorOf(decrypt({ KeyId, CiphertextBlob, DryRunModifiers: ['IGNORE_CIPHERTEXT'] })),
    ).toBe('ValidationException')
    expect(await errorOf(encrypt({ GrantTokens: ['nobody'] }))).toBe('InvalidGrantTokenException')
  })
  it('generates data keys of the requested size', async () => {
    const make = (input: object) =>
      lab.client().send(new GenerateDataKeyCommand({ KeyId, ...input }))
    for (const [input, length] of [
      [{ KeySpec: 'AES_128' }, 16],
      [{ KeySpec: 'AES_256' }, 32],
      [{ NumberOfBytes: 1024 }, 1024],
    ] as const) {
      const { Plaintext, CiphertextBlob, KeyMaterialId } = await make(input)
      expect(Plaintext).toHaveLength(length)
      expect(KeyMaterialId).toMatch(/^[0-9a-f]{64}$/)
      expect(bytes((await decrypt({ CiphertextBlob })).Plaintext).equals(bytes(Plaintext))).toBe(
        true,
      )
    }
    for (const input of [
      {},
      { KeySpec: 'AES_256', NumberOfBytes: 32 },
      { NumberOfBytes: 0 },
      { NumberOfBytes: 1025 },
    ]) {
      expect(await errorOf(make(input))).toBe('ValidationException')
    }
    expect(
      await lab
        .client()
        .send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId, KeySpec: 'AES_256' })),
    ).not.toHaveProperty('Plaintext')
    expect(
      (await lab.client().send(new GenerateRandomCommand({ NumberOfBytes: 7 }))).Plaintext,
    ).toHaveLength(7)
  })
  it.each<DataKeyPairSpec>([
    'RSA_2048',
    'ECC_NIST_P256',
    'ECC_NIST_P384',
    'ECC_NIST_P521',
    'ECC_SECG_P256K1',
    'ECC_NIST_EDWARDS25519',
  ])('generates pairs of %s', async (KeyPairSpec) => {
    const made = await lab
      .client()
      .send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec, EncryptionContext: { a: 'b' } }))
    const key = createPrivateKey({
      key: bytes(made.PrivateKeyPlaintext),
      format: 'der',
      type: 'pkcs8',
    })
    expect(
      createPublicKey(key).export({ format: 'der', type: 'spki' }).equals(bytes(made.PublicKey)),
    ).toBe(true)
    const opened = await decrypt({
      CiphertextBlob: made.PrivateKeyCiphertextBlob,
      EncryptionContext: { a: 'b' },
    })
    expect(bytes(opened.Plaintext).equals(bytes(made.PrivateKeyPlaintext))).toBe(true)
    expect(
      await lab
        .client()
        .send(new GenerateDataKeyPairWithoutPlaintextCommand({ KeyId, KeyPairSpec })),
    ).not.toHaveProperty('PrivateKeyPlaintext')
  })
  it('re-encrypts, also to an asymmetric key and back', async () => {
    const asymmetric = await imported('RSA_2048', 'ENCRYPT_DECRYPT', pkcs8(rsa(2048)))
    const CiphertextBlob = await encrypt({ EncryptionContext: { a: 'b' } })
    const there = await lab.client().send(
      new ReEncryptCommand({
        CiphertextBlob,
        SourceEncryptionContext: { a: 'b' },
        DestinationKeyId: asymmetric,
        DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
      }),
    )
    expect(there).toMatchObject({
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    })
    expect([typeof there.SourceKeyMaterialId, typeof there.DestinationKeyMaterialId]).toEqual([
      'string',
      'undefined',
    ])
    const back = await lab.client().send(
      new ReEncryptCommand({
        CiphertextBlob: there.CiphertextBlob,
        SourceKeyId: asymmetric,
        SourceEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
        DestinationKeyId: other,
      }),
    )
    expect(
      bytes((await decrypt({ CiphertextBlob: back.CiphertextBlob })).Plaintext).equals(message),
    ).toBe(true)
    expect(
      await errorOf(
        lab.client().send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: other })),
      ),
    ).toBe('InvalidCiphertextException')
    expect(
      await errorOf(
        lab
          .client()
          .send(
            new ReEncryptCommand({ CiphertextBlob, SourceKeyId: other, DestinationKeyId: other }),
          ),
      ),
    ).toBe('IncorrectKeyException')
  })
  it('reports its last use', async () => {
    const fresh = await imported('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', randomBytes(32))
    const usage = () => lab.client().send(new GetKeyLastUsageCommand({ KeyId: fresh }))
    expect((await usage()).KeyLastUsage).toEqual({})
    await encrypt({ KeyId: fresh })
    expect((await usage()).KeyLastUsage).toMatchObject({
      Operation: 'Encrypt',
      Timestamp: expect.any(Date),
      CloudTrailEventId: expect.any(String),
      KmsRequestId: expect.any(String),
    })
  })
  it('reports since when it records uses: AWS began on 23 April 2026', async () => {
    const starts = async (created: string) => {
      const own = await createLab({ now: () => new Date(created) })
      const client = new KMSClient({
        region: HOME,
        endpoint: own.kms.endpoint,
        credentials: own.kms.credentials,
        systemClockOffset: Date.parse(created) - Date.now(),
      })
      const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
      const usage = await client.send(new GetKeyLastUsageCommand({ KeyId: KeyMetadata?.KeyId }))
      await own.close()
      return [usage.TrackingStartDate?.toISOString(), usage.KeyCreationDate?.toISOString()]
    }
    expect(await starts('2026-01-01T00:00:00.000Z')).toEqual([
      '2026-04-23T00:00:00.000Z',
      '2026-01-01T00:00:00.000Z',
    ])
    expect(await starts('2026-05-01T00:00:00.000Z')).toEqual([
      '2026-05-01T00:00:00.000Z',
      '2026-05-01T00:00:00.000Z',
    ])
  })
  it('of a multi-Region key is separate in each Region', async () => {
    const KeyId = await lab.create({ MultiRegion: true })
    const material = randomBytes(32)
    await lab.put(KeyId, material)
    await encrypt({ KeyId })
    await lab.client().send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: ABROAD }))
    const abroad = await lab.client(ABROAD).send(new GetKeyLastUsageCommand({ KeyId }))
    expect(abroad.KeyLastUsage).toEqual({})
  })
})
