import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  ListKeyRotationsCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  type KeySpec,
  type KeyUsageType,
  type WrappingKeySpec,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createECDH, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { encode, elements } from '../../../src/dev-kms/der.js'
import { ABROAD, createLab, errorOf, HOME, wrap, type Lab } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await createLab()
})
afterAll(() => lab.close())

const SECOND = 1_000
const DAY = 86_400_000
const P256 = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' } as const
const RSA = { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' } as const
const pair = (type: 'rsa' | 'ec', options: object) =>
  (generateKeyPairSync as (type: string, options: object) => { privateKey: KeyObject })(
    type,
    options,
  ).privateKey
const der = (key: KeyObject) => key.export({ format: 'der', type: 'pkcs8' })
const p256 = () => der(pair('ec', { namedCurve: 'P-256' }))

const describeKey = async (KeyId: string, region?: string) =>
  (await lab.client(region).send(new DescribeKeyCommand({ KeyId }))).KeyMetadata
const rotations = async (KeyId: string, region?: string) =>
  (
    await lab
      .client(region)
      .send(new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))
  ).Rotations ?? []
const statesOf = async (KeyId: string, region?: string) =>
  (await rotations(KeyId, region)).map(
    ({ KeyMaterialState, ImportState }) => `${String(KeyMaterialState)} ${String(ImportState)}`,
  )
const rotate = (KeyId: string, region?: string) =>
  lab.client(region).send(new RotateKeyOnDemandCommand({ KeyId }))
const remove = (KeyId: string, KeyMaterialId?: string, region?: string) =>
  lab.client(region).send(new DeleteImportedKeyMaterialCommand({ KeyId, KeyMaterialId }))
const encrypt = async (KeyId: string, region?: string) =>
  (await lab.client(region).send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') })))
    .CiphertextBlob
const decrypt = (CiphertextBlob: Uint8Array | undefined, region?: string) =>
  lab.client(region).send(new DecryptCommand({ CiphertextBlob }))
const NEW = { ImportType: 'NEW_KEY_MATERIAL' } as const

describe('wrapping algorithms', () => {
  const OAEP = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256']
  const HYBRID = ['RSA_AES_KEY_WRAP_SHA_1', 'RSA_AES_KEY_WRAP_SHA_256']
  const TABLE: readonly [KeySpec, KeyUsageType, () => Buffer, readonly string[]][] = [
    ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', () => randomBytes(32), OAEP],
    ['HMAC_384', 'GENERATE_VERIFY_MAC', () => randomBytes(48), OAEP],
    ['RSA_2048', 'SIGN_VERIFY', () => der(pair('rsa', { modulusLength: 2048 })), HYBRID],
    ['ECC_NIST_P256', 'SIGN_VERIFY', p256, [...OAEP, ...HYBRID]],
    [
      'ECC_NIST_P521',
      'SIGN_VERIFY',
      () => der(pair('ec', { namedCurve: 'P-521' })),
      [...OAEP, ...HYBRID],
    ],
    [
      'ECC_NIST_EDWARDS25519',
      'SIGN_VERIFY',
      () => der(generateKeyPairSync('ed25519').privateKey),
      [...OAEP, ...HYBRID],
    ],
  ]
  it.each(TABLE)('%s', async (KeySpec, KeyUsage, material, algorithms) => {
    for (const algorithm of [...OAEP, ...HYBRID, 'RSAES_PKCS1_V1_5', 'SM2PKE']) {
      for (const wrapWith of ['RSA_2048', 'RSA_3072', 'RSA_4096', 'SM2'] as const) {
        const fits = algorithms.includes(algorithm) && wrapWith !== 'SM2'
        const tooLong =
          KeySpec === 'ECC_NIST_P521' && wrapWith === 'RSA_2048' && OAEP.includes(algorithm)
        const attempt = async () =>
          lab.put(await lab.create({ KeySpec, KeyUsage }), material(), { algorithm, wrapWith })
        expect([algorithm, wrapWith, await errorOf(attempt())]).toEqual([
          algorithm,
          wrapWith,
          fits && !tooLong ? 'none' : 'UnsupportedOperationException',
        ])
      }
    }
  })
  it('in China Regions, hybrid algorithms and 32 bytes are refused', async () => {
    const china = 'cn-north-1'
    const [id, rsa] = [await lab.create({}, china), await lab.create(RSA, china)]
    expect(await errorOf(lab.put(id, randomBytes(32), { region: china }))).toBe(
      'IncorrectKeyMaterialException',
    )
    await lab.put(id, randomBytes(16), { region: china })
    await decrypt(await encrypt(id, china), china)
    expect((await describeKey(id, china))?.Arn).toMatch(/^arn:aws-cn:kms:cn-north-1:/)
    expect(
      await errorOf(lab.put(rsa, der(pair('rsa', { modulusLength: 2048 })), { region: china })),
    ).toBe('UnsupportedOperationException')
  })
  it("nothing is imported into a key with AWS's material", async () => {
    const id = await lab.create({ Origin: 'AWS_KMS' })
    expect(await errorOf(lab.put(id, randomBytes(32)))).toBe('UnsupportedOperationException')
    expect(await errorOf(remove(id))).toBe('UnsupportedOperationException')
  })
})

describe('private keys that AWS refuses', () => {
  const rsa2048 = pair('rsa', { modulusLength: 2048 })
  const parts = (key: Buffer) => elements(elements(key)[0]?.content ?? Buffer.alloc(0))
  /** A PKCS#8 with another inner key. */
  const reInner = (key: Buffer, inner: Buffer) => {
    const [version, algorithm] = parts(key)
    return encode(
      0x30,
      version?.whole ?? Buffer.alloc(0),
      algorithm?.whole ?? Buffer.alloc(0),
      encode(0x04, inner),
    )
  }
  const multiPrime = () => {
    const [, ...numbers] = elements(
      elements(parts(der(rsa2048))[2]?.content ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0),
    )
    const other = encode(
      0x30,
      encode(0x30, ...[7, 1, 3].map((value) => encode(0x02, Buffer.of(value)))),
    )
    return reInner(
      der(rsa2048),
      encode(0x30, encode(0x02, Buffer.of(1)), ...numbers.map(({ whole }) => whole), other),
    )
  }
  const wrongFactor = () => {
    const numbers = elements(
      elements(parts(der(rsa2048))[2]?.content ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0),
    ).map(({ whole }) => Buffer.from(whole))
    const prime = numbers[4]
    if (prime) prime[prime.length - 20] = (prime.at(-20) ?? 0) ^ 1
    return reInner(der(rsa2048), encode(0x30, ...numbers))
  }
  const version1 = () => {
    const [, ...rest] = parts(p256())
    return encode(0x30, encode(0x02, Buffer.of(1)), ...rest.map(({ whole }) => whole))
  }
  const CASES: readonly [string, typeof P256 | typeof RSA, () => Buffer][] = [
    [
      'explicit parameters',
      P256,
      () => der(pair('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' })),
    ],
    ['another curve', P256, () => der(pair('ec', { namedCurve: 'P-384' }))],
    [
      'SEC1 and not PKCS#8',
      P256,
      () => pair('ec', { namedCurve: 'P-256' }).export({ format: 'der', type: 'sec1' }),
    ],
    [
      'only a public key',
      P256,
      () =>
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
          format: 'der',
          type: 'spki',
        }),
    ],
    ['bytes behind the end', P256, () => Buffer.concat([p256(), Buffer.of(0)])],
    ['PKCS#8 of version 1', P256, version1],
    [
      'encrypted PKCS#8',
      P256,
      () =>
        pair('ec', { namedCurve: 'P-256' }).export({
          format: 'der',
          type: 'pkcs8',
          cipher: 'aes-256-cbc',
          passphrase: 'x',
        }),
    ],
    [
      'PEM',
      P256,
      () =>
        Buffer.from(pair('ec', { namedCurve: 'P-256' }).export({ format: 'pem', type: 'pkcs8' })),
    ],
    ['three primes', RSA, multiPrime],
    ['a factor that is none', RSA, wrongFactor],
    ['another modulus length', RSA, () => der(pair('rsa', { modulusLength: 3072 }))],
    ['another exponent', RSA, () => der(pair('rsa', { modulusLength: 2048, publicExponent: 3 }))],
    ['PKCS#1 and not PKCS#8', RSA, () => rsa2048.export({ format: 'der', type: 'pkcs1' })],
    [
      'the algorithm of RSASSA-PSS',
      RSA,
      () => der(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey),
    ],
    ['an elliptic one', RSA, p256],
    ['random bytes', RSA, () => randomBytes(1200)],
  ]
  it.each(CASES)('%s', async (_what, spec, material) => {
    const id = await lab.create(spec)
    expect(await errorOf(lab.put(id, material(), { algorithm: 'RSA_AES_KEY_WRAP_SHA_256' }))).toBe(
      'IncorrectKeyMaterialException',
    )
    expect(await lab.stateOf(id)).toBe('PendingImport')
  })
  it('a compressed point is accepted, and returned uncompressed', async () => {
    const key = pair('ec', { namedCurve: 'P-256' })
    const point = createECDH('prime256v1')
    point.setPrivateKey(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'))
    const inner = encode(
      0x30,
      encode(0x02, Buffer.of(1)),
      encode(0x04, point.getPrivateKey()),
      encode(0xa1, encode(0x03, Buffer.of(0), point.getPublicKey(null, 'compressed'))),
    )
    const id = await lab.create(P256)
    await lab.put(id, reInner(der(key), inner))
    expect(
      Buffer.from(
        (await lab.client().send(new GetPublicKeyCommand({ KeyId: id }))).PublicKey ?? [],
      ).includes(point.getPublicKey()),
    ).toBe(true)
  })
  it.each([
    [27, 'IncorrectKeyMaterialException'],
    [28, 'none'],
    [128, 'none'],
    [129, 'IncorrectKeyMaterialException'],
  ])('HMAC_224 with %d bytes', async (length, expected) => {
    const id = await lab.create({ KeySpec: 'HMAC_224', KeyUsage: 'GENERATE_VERIFY_MAC' })
    expect(
      await errorOf(lab.put(id, randomBytes(length), { algorithm: 'RSAES_OAEP_SHA_256' })),
    ).toBe(expected)
  })
})

describe('an import', () => {
  const fetch = (KeyId: string, WrappingKeySpec: WrappingKeySpec = 'RSA_4096') =>
    lab.client().send(
      new GetParametersForImportCommand({
        KeyId,
        WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
        WrappingKeySpec,
      }),
    )
  const send = (
    KeyId: string,
    { PublicKey, ImportToken }: Awaited<ReturnType<typeof fetch>>,
    material: Buffer,
    rest: object = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
  ) =>
    lab.client().send(
      new ImportKeyMaterialCommand({
        KeyId,
        ImportToken,
        EncryptedKeyMaterial: wrap('RSAES_OAEP_SHA_256', PublicKey ?? new Uint8Array(), material),
        ...rest,
      }),
    )

  it('needs its own token and wrapping key, not expired ones', async () => {
    const [one, other] = [await lab.create(), await lab.create()]
    const [mine, theirs, small] = [
      await fetch(one),
      await fetch(other),
      await fetch(one, 'RSA_2048'),
    ]
    expect(await errorOf(send(one, theirs, randomBytes(32)))).toBe('InvalidImportTokenException')
    expect(await errorOf(send(one, { ...mine, PublicKey: small.PublicKey }, randomBytes(32)))).toBe(
      'InvalidCiphertextException',
    )
    const forged = Buffer.from(mine.ImportToken ?? [])
    forged[40] = (forged[40] ?? 0) ^ 1
    expect(await errorOf(send(one, { ...mine, ImportToken: forged }, randomBytes(32)))).toBe(
      'InvalidImportTokenException',
    )
    lab.wait(DAY + SECOND)
    expect(await errorOf(send(one, mine, randomBytes(32)))).toBe('ExpiredImportTokenException')
  })
  it('uses up its token, but can be repeated unchanged', async () => {
    const id = await lab.create()
    const { PublicKey, ImportToken } = await fetch(id)
    const EncryptedKeyMaterial = wrap(
      'RSAES_OAEP_SHA_256',
      PublicKey ?? new Uint8Array(),
      randomBytes(32),
    )
    const again = (rest: object = {}) =>
      lab.client().send(
        new ImportKeyMaterialCommand({
          KeyId: id,
          ImportToken,
          EncryptedKeyMaterial,
          ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
          ...rest,
        }),
      )
    expect(await errorOf(again({ ExpirationModel: undefined }))).toBe('ValidationException')
    await again()
    await again()
    // "KMS expected new key material but the key material being imported is already associated"
    expect(await errorOf(again(NEW))).toBe('IncorrectKeyMaterialException')
    const other = wrap('RSAES_OAEP_SHA_256', PublicKey ?? new Uint8Array(), randomBytes(32))
    expect(await errorOf(again({ EncryptedKeyMaterial: other }))).toBe(
      'InvalidImportTokenException',
    )
  })
  it.each([
    [
      'a date where it must not expire',
      { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE', ValidTo: new Date(Date.now() + 2 * DAY) },
    ],
    ['no date', { ExpirationModel: 'KEY_MATERIAL_EXPIRES' }],
    ['a date that is past', { ValidTo: new Date(Date.now() - SECOND) }],
    ['a date after 365 days', { ValidTo: new Date(Date.now() + 400 * DAY) }],
  ])('refuses %s', async (_what, rest) => {
    const id = await lab.create()
    expect(await errorOf(send(id, await fetch(id), randomBytes(32), rest))).toBe(
      'ValidationException',
    )
  })
  it.each([
    ['ImportType', 'NEW_KEY_MATERIAL'],
    ['KeyMaterialDescription', 'x'],
    ['KeyMaterialId', 'a'.repeat(64)],
  ])('accepts %s for symmetric keys only', async (name, value) => {
    for (const spec of [P256, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }] as const) {
      expect(
        await errorOf(lab.put(await lab.create(spec), randomBytes(32), { [name]: value })),
      ).toBe('ValidationException')
    }
  })
  it('of other material is always refused, for HMAC and asymmetric keys even after a deletion', async () => {
    for (const [spec, make] of [
      [P256, p256],
      [{ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }, () => randomBytes(32)],
    ] as const) {
      const [id, material] = [await lab.create(spec), make()]
      expect(await lab.put(id, material)).toBeUndefined()
      await remove(id)
      expect(await lab.stateOf(id)).toBe('PendingImport')
      expect(await errorOf(lab.put(id, make()))).toBe('IncorrectKeyMaterialException')
      await lab.put(id, material)
      expect(await lab.stateOf(id)).toBe('Enabled')
    }
  })
  it('returns the id of the material, and accepts it', async () => {
    const [id, material] = [await lab.create(), randomBytes(32)]
    const KeyMaterialId = await lab.put(id, material, {
      ...NEW,
      KeyMaterialDescription: 'the first',
    })
    expect(KeyMaterialId).toMatch(/^[0-9a-f]{64}$/)
    expect(await lab.put(id, material, { KeyMaterialId })).toBe(KeyMaterialId)
    expect(await errorOf(lab.put(id, material, { KeyMaterialId: 'a'.repeat(64) }))).toBe(
      'IncorrectKeyMaterialException',
    )
    expect(await errorOf(lab.put(id, material, { KeyMaterialId, ...NEW }))).toBe(
      'ValidationException',
    )
    expect(await errorOf(lab.put(id, material, NEW))).toBe('IncorrectKeyMaterialException')
    expect(
      await errorOf(lab.put(id, randomBytes(32), { ImportType: 'EXISTING_KEY_MATERIAL' })),
    ).toBe('IncorrectKeyMaterialException')
    expect(await rotations(id)).toMatchObject([
      {
        KeyMaterialId,
        KeyMaterialDescription: 'the first',
        KeyMaterialState: 'CURRENT',
        ImportState: 'IMPORTED',
      },
    ])
    expect(
      await errorOf(lab.put(await lab.create(), material, { ImportType: 'EXISTING_KEY_MATERIAL' })),
    ).toBe('IncorrectKeyMaterialException')
  })
  it('shows its expiry, until it is deleted or expires', async () => {
    const [id, material] = [await lab.create(), randomBytes(32)]
    const soon = () => new Date(lab.kms.account.now().getTime() + 60 * SECOND)
    const KeyMaterialId = await lab.put(id, material, { ValidTo: soon() })
    expect(await describeKey(id)).toMatchObject({
      ExpirationModel: 'KEY_MATERIAL_EXPIRES',
      CurrentKeyMaterialId: KeyMaterialId,
    })
    lab.wait(61 * SECOND)
    expect(await describeKey(id)).toMatchObject({
      KeyState: 'PendingImport',
      Enabled: false,
      CurrentKeyMaterialId: KeyMaterialId,
    })
    expect(await describeKey(id)).not.toHaveProperty('ExpirationModel')
    await lab.put(id, material)
    expect(await describeKey(id)).toMatchObject({
      KeyState: 'Enabled',
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    })
  })
  it('of existing material leaves a disabled key disabled; of deleted material enables it', async () => {
    const [id, material] = [await lab.create(), randomBytes(32)]
    await lab.put(id, material)
    await lab.client().send(new DisableKeyCommand({ KeyId: id }))
    await lab.put(id, material)
    expect(await lab.stateOf(id)).toBe('Disabled')
    await remove(id)
    await lab.put(id, material)
    expect(await lab.stateOf(id)).toBe('Enabled')
  })
})

describe('a deletion that is cancelled', () => {
  it('leaves a key disabled, or pending import where material is missing', async () => {
    const [empty, full] = [await lab.create(), await lab.create()]
    await lab.put(full, randomBytes(32))
    for (const KeyId of [empty, full]) {
      await lab.client().send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
      await lab.client().send(new CancelKeyDeletionCommand({ KeyId }))
    }
    expect([await lab.stateOf(empty), await lab.stateOf(full)]).toEqual([
      'PendingImport',
      'Disabled',
    ])
    await lab.client().send(new EnableKeyCommand({ KeyId: full }))
    expect(await lab.stateOf(full)).toBe('Enabled')
  })
  it('material can be deleted from a key that stays pending deletion', async () => {
    const id = await lab.create()
    await lab.put(id, randomBytes(32))
    await lab.client().send(new ScheduleKeyDeletionCommand({ KeyId: id }))
    await remove(id)
    expect(await lab.stateOf(id)).toBe('PendingDeletion')
    await lab.client().send(new CancelKeyDeletionCommand({ KeyId: id }))
    expect(await lab.stateOf(id)).toBe('PendingImport')
  })
})

describe('rotation on demand', () => {
  it('makes the pending material current, and the previous one still decrypts', async () => {
    const id = await lab.create()
    const first = await lab.put(id, randomBytes(32))
    const old = await encrypt(id)
    const second = await lab.put(id, randomBytes(32), NEW)
    expect(await describeKey(id)).toMatchObject({
      KeyState: 'Enabled',
      CurrentKeyMaterialId: first,
    })
    expect(await statesOf(id)).toEqual(['CURRENT IMPORTED', 'PENDING_ROTATION IMPORTED'])
    expect(await errorOf(lab.put(id, randomBytes(32), NEW))).toBe('KMSInvalidStateException')
    await rotate(id)
    expect(
      (await lab.client().send(new GetKeyRotationStatusCommand({ KeyId: id })))
        .OnDemandRotationStartDate,
    ).toBeInstanceOf(Date)
    lab.wait(SECOND)
    expect(
      await lab.client().send(new GetKeyRotationStatusCommand({ KeyId: id })),
    ).not.toHaveProperty('OnDemandRotationStartDate')
    expect(await describeKey(id)).toMatchObject({ CurrentKeyMaterialId: second })
    expect(await statesOf(id)).toEqual(['NON_CURRENT IMPORTED', 'CURRENT IMPORTED'])
    expect((await decrypt(old)).KeyMaterialId).toBe(first)
    expect((await decrypt(await encrypt(id))).KeyMaterialId).toBe(second)
    const done = await lab.client().send(new ListKeyRotationsCommand({ KeyId: id }))
    expect(done.Rotations).toMatchObject([{ KeyMaterialId: second, RotationType: 'ON_DEMAND' }])
  })
  it('encrypts with the old material, and refuses another rotation, until it is done', async () => {
    const id = await lab.create()
    const first = await lab.put(id, randomBytes(32))
    await lab.put(id, randomBytes(32), NEW)
    await rotate(id)
    expect(await statesOf(id)).toEqual(['CURRENT IMPORTED', 'PENDING_ROTATION IMPORTED'])
    expect((await decrypt(await encrypt(id))).KeyMaterialId).toBe(first)
    expect(await errorOf(rotate(id))).toBe('ConflictException')
    expect(await errorOf(lab.put(id, randomBytes(32), NEW))).toBe('KMSInvalidStateException')
    expect((await lab.client().send(new ListKeyRotationsCommand({ KeyId: id }))).Rotations).toEqual(
      [],
    )
    lab.wait(SECOND)
    expect(await errorOf(rotate(id))).toBe('KMSInvalidStateException')
  })
  it('of material that is deleted meanwhile has no effect', async () => {
    const id = await lab.create()
    const first = await lab.put(id, randomBytes(32))
    const second = await lab.put(id, randomBytes(32), NEW)
    await rotate(id)
    await remove(id, second)
    lab.wait(SECOND)
    expect(await describeKey(id)).toMatchObject({
      KeyState: 'Enabled',
      CurrentKeyMaterialId: first,
    })
    expect(await statesOf(id)).toEqual(['CURRENT IMPORTED'])
  })
  it('lasts as long as transitionMs says', async () => {
    const slow = await createLab({ transitionMs: 60 * SECOND })
    const id = await slow.create()
    await slow.put(id, randomBytes(32))
    await slow.put(id, randomBytes(32), NEW)
    await slow.client().send(new RotateKeyOnDemandCommand({ KeyId: id }))
    const isRotating = async () =>
      (await slow.client().send(new GetKeyRotationStatusCommand({ KeyId: id })))
        .OnDemandRotationStartDate !== undefined
    slow.wait(59 * SECOND)
    expect(await isRotating()).toBe(true)
    slow.wait(SECOND)
    expect(await isRotating()).toBe(false)
    await slow.close()
  })
  it('of material that expires while it is pending does not change the key', async () => {
    const id = await lab.create()
    await lab.put(id, randomBytes(32))
    const ValidTo = new Date(lab.kms.account.now().getTime() + 60 * SECOND)
    await lab.put(id, randomBytes(32), { ...NEW, ValidTo })
    expect(await describeKey(id)).toMatchObject({
      KeyState: 'Enabled',
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    })
    lab.wait(61 * SECOND)
    expect([await lab.stateOf(id), await statesOf(id)]).toEqual(['Enabled', ['CURRENT IMPORTED']])
    await lab.put(id, randomBytes(32), NEW)
  })
  it('disables the whole key when one older material expires', async () => {
    const [id, one] = [await lab.create(), randomBytes(32)]
    const ValidTo = new Date(Math.ceil(lab.kms.account.now().getTime() / 1000) * 1000 + DAY)
    const first = await lab.put(id, one, { ValidTo })
    await lab.put(id, randomBytes(32), NEW)
    await rotate(id)
    lab.wait(SECOND)
    expect(await describeKey(id)).toMatchObject({ KeyState: 'Enabled', ValidTo })
    lab.wait(DAY)
    expect(await statesOf(id)).toEqual(['NON_CURRENT PENDING_IMPORT', 'CURRENT IMPORTED'])
    expect(await errorOf(encrypt(id))).toBe('KMSInvalidStateException')
    await lab.put(id, one, { ImportType: 'EXISTING_KEY_MATERIAL', KeyMaterialId: first })
    await encrypt(id)
  })
  it('keeps a description, in letters, digits and :/_ .-, until another one is imported', async () => {
    const [id, one] = [await lab.create(), randomBytes(32)]
    const describe = async () => (await rotations(id))[0]?.KeyMaterialDescription
    await lab.put(id, one, { KeyMaterialDescription: 'keymgmt:app/v1/0f' })
    await lab.put(id, one)
    expect(await describe()).toBe('keymgmt:app/v1/0f')
    await lab.put(id, one, { KeyMaterialDescription: 'other' })
    expect(await describe()).toBe('other')
    expect(await errorOf(lab.put(id, one, { KeyMaterialDescription: 'a@b' }))).toBe(
      'ValidationException',
    )
  })
  it('needs all materials for the key to be enabled', async () => {
    const [id, one, two] = [await lab.create(), randomBytes(32), randomBytes(32)]
    const first = await lab.put(id, one)
    await lab.put(id, two, NEW)
    await rotate(id)
    lab.wait(SECOND)
    await remove(id, first)
    expect(await lab.stateOf(id)).toBe('PendingImport')
    await remove(id)
    expect(await statesOf(id)).toEqual(['NON_CURRENT PENDING_IMPORT', 'CURRENT PENDING_IMPORT'])
    await lab.put(id, two)
    expect(await lab.stateOf(id)).toBe('PendingImport')
    await lab.put(id, one)
    expect(await lab.stateOf(id)).toBe('Enabled')
    expect(await errorOf(remove(id, 'a'.repeat(64)))).toBe('NotFoundException')
  })
  it('deleting pending material leaves the key unchanged', async () => {
    const id = await lab.create()
    await lab.put(id, randomBytes(32))
    expect(await errorOf(rotate(id))).toBe('KMSInvalidStateException')
    await remove(id, await lab.put(id, randomBytes(32), NEW))
    expect([await lab.stateOf(id), await statesOf(id)]).toEqual(['Enabled', ['CURRENT IMPORTED']])
    expect(await errorOf(rotate(id))).toBe('KMSInvalidStateException')
  })
  it('is for symmetric keys', async () => {
    const id = await lab.create(P256)
    await lab.put(id, p256())
    expect(await errorOf(rotate(id))).toBe('UnsupportedOperationException')
    expect(await errorOf(rotations(id))).toBe('UnsupportedOperationException')
  })
  it('is limited to 25 times', async () => {
    const few = await createLab({ limits: { rotationsPerKey: 2 } })
    try {
      const id = await few.create()
      await few.put(id, randomBytes(32))
      for (const expected of ['none', 'none', 'LimitExceededException']) {
        await few.put(id, randomBytes(32), NEW)
        expect(await errorOf(few.client().send(new RotateKeyOnDemandCommand({ KeyId: id })))).toBe(
          expected,
        )
        few.wait(SECOND)
      }
    } finally {
      await few.close()
    }
  })
  it("rotates AWS's material, which alone supports automatic rotation", async () => {
    const id = await lab.create({ Origin: 'AWS_KMS' })
    const before = (await describeKey(id))?.CurrentKeyMaterialId
    const old = await encrypt(id)
    await rotate(id)
    lab.wait(SECOND)
    expect((await describeKey(id))?.CurrentKeyMaterialId).not.toBe(before)
    await decrypt(old)
    await lab.client().send(new EnableKeyRotationCommand({ KeyId: id, RotationPeriodInDays: 90 }))
    expect(await lab.client().send(new GetKeyRotationStatusCommand({ KeyId: id }))).toMatchObject({
      KeyRotationEnabled: true,
      RotationPeriodInDays: 90,
    })
    await lab.client().send(new DisableKeyRotationCommand({ KeyId: id }))
    expect(await lab.client().send(new GetKeyRotationStatusCommand({ KeyId: id }))).toMatchObject({
      KeyRotationEnabled: false,
    })
    expect(
      await errorOf(lab.client().send(new EnableKeyRotationCommand({ KeyId: await lab.create() }))),
    ).toBe('UnsupportedOperationException')
  })
})

describe('multi-Region keys', () => {
  const replicated = async () => {
    const [id, material] = [await lab.create({ MultiRegion: true }), randomBytes(32)]
    const first = await lab.put(id, material)
    await lab.client().send(new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: ABROAD }))
    lab.wait(SECOND)
    return { id, material, first }
  }
  it("a replica starts without material, and accepts only its primary's", async () => {
    const { id, material, first } = await replicated()
    expect(await statesOf(id, ABROAD)).toEqual(['CURRENT PENDING_IMPORT'])
    expect(await errorOf(lab.put(id, randomBytes(32), { region: ABROAD }))).toBe(
      'IncorrectKeyMaterialException',
    )
    expect(await errorOf(lab.put(id, material, { region: ABROAD, ...NEW }))).toBe(
      'UnsupportedOperationException',
    )
    expect(
      await errorOf(lab.put(id, material, { region: ABROAD, KeyMaterialDescription: 'x' })),
    ).toBe('ValidationException')
    expect(
      await lab.put(id, material, { region: ABROAD, ImportType: 'EXISTING_KEY_MATERIAL' }),
    ).toBe(first)
    await decrypt(await encrypt(id, ABROAD), HOME)
    await remove(id, undefined, ABROAD)
    expect([await lab.stateOf(id), await lab.stateOf(id, ABROAD)]).toEqual([
      'Enabled',
      'PendingImport',
    ])
  })
  it('rotates after the new material is in every Region', async () => {
    const { id, material } = await replicated()
    await lab.put(id, material, { region: ABROAD })
    const next = randomBytes(32)
    const second = await lab.put(id, next, { ...NEW, KeyMaterialDescription: 'next' })
    expect(await statesOf(id)).toEqual([
      'CURRENT IMPORTED',
      'PENDING_MULTI_REGION_IMPORT_AND_ROTATION IMPORTED',
    ])
    expect((await rotations(id, ABROAD))[1]).toMatchObject({
      KeyMaterialDescription: 'next',
      ImportState: 'PENDING_IMPORT',
    })
    expect(await errorOf(rotate(id))).toBe('KMSInvalidStateException')
    await lab.put(id, next, { region: ABROAD })
    expect((await statesOf(id))[1]).toBe('PENDING_ROTATION IMPORTED')
    expect(await errorOf(rotate(id, ABROAD))).toBe('UnsupportedOperationException')
    await rotate(id)
    lab.wait(SECOND)
    for (const region of [HOME, ABROAD])
      expect(await describeKey(id, region)).toMatchObject({
        KeyState: 'Enabled',
        CurrentKeyMaterialId: second,
      })
    await lab.client().send(new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: 'us-west-2' }))
    lab.wait(SECOND)
    expect(await statesOf(id, 'us-west-2')).toEqual([
      'NON_CURRENT PENDING_IMPORT',
      'CURRENT PENDING_IMPORT',
    ])
  })
  it('rotates only after every replica has the material, also one that is created meanwhile', async () => {
    const { id, material } = await replicated()
    await lab.put(id, material, { region: ABROAD })
    const next = randomBytes(32)
    await lab.put(id, next, NEW)
    await lab.put(id, next, { region: ABROAD })
    const regions = [HOME, ABROAD, 'us-west-2']
    const pending = () =>
      Promise.all(regions.map(async (region) => (await statesOf(id, region))[1]?.split(' ')[0]))
    await lab.client().send(new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: 'us-west-2' }))
    lab.wait(SECOND)
    expect(new Set(await pending())).toEqual(new Set(['PENDING_MULTI_REGION_IMPORT_AND_ROTATION']))
    expect(await errorOf(rotate(id))).toBe('KMSInvalidStateException')
    await lab.put(id, next, { region: 'us-west-2' })
    expect(new Set(await pending())).toEqual(new Set(['PENDING_ROTATION']))
    await rotate(id)
    lab.wait(SECOND)
    // The new replica still lacks the older material.
    expect(await Promise.all(regions.map((region) => lab.stateOf(id, region)))).toEqual([
      'Enabled',
      'Enabled',
      'PendingImport',
    ])
  })
  it('expire separately in each Region', async () => {
    const { id, material } = await replicated()
    const ValidTo = new Date(lab.kms.account.now().getTime() + DAY)
    await lab.put(id, material, { region: ABROAD, ValidTo })
    lab.wait(DAY)
    expect([await lab.stateOf(id), await lab.stateOf(id, ABROAD)]).toEqual([
      'Enabled',
      'PendingImport',
    ])
  })
  it('deleting pending material from the primary removes it everywhere, from a replica only there', async () => {
    const { id, material } = await replicated()
    await lab.put(id, material, { region: ABROAD })
    const next = randomBytes(32)
    const second = await lab.put(id, next, NEW)
    await lab.put(id, next, { region: ABROAD })
    await remove(id, second, ABROAD)
    expect([(await statesOf(id))[1], (await statesOf(id, ABROAD))[1]]).toEqual([
      'PENDING_MULTI_REGION_IMPORT_AND_ROTATION IMPORTED',
      'PENDING_MULTI_REGION_IMPORT_AND_ROTATION PENDING_IMPORT',
    ])
    await remove(id, second)
    expect([await statesOf(id), await statesOf(id, ABROAD)]).toEqual([
      ['CURRENT IMPORTED'],
      ['CURRENT IMPORTED'],
    ])
  })
  it("an asymmetric replica accepts only its primary's private key", async () => {
    const [id, material] = [await lab.create({ ...P256, MultiRegion: true }), p256()]
    await lab.put(id, material)
    await lab.client().send(new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: ABROAD }))
    lab.wait(SECOND)
    expect(await errorOf(lab.client(ABROAD).send(new GetPublicKeyCommand({ KeyId: id })))).toBe(
      'KMSInvalidStateException',
    )
    expect(await errorOf(lab.put(id, p256(), { region: ABROAD }))).toBe(
      'IncorrectKeyMaterialException',
    )
    await lab.put(id, material, { region: ABROAD })
    expect(await lab.stateOf(id, ABROAD)).toBe('Enabled')
  })
})

it('refuses unsupported keys, with the reason', async () => {
  const make = (input: object) => errorOf(lab.client().send(new CreateKeyCommand(input)))
  expect(await make({ Origin: 'EXTERNAL', KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' })).toBe(
    'UnsupportedOperationException',
  )
  expect(await make({ KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' })).toBe(
    'UnsupportedOperationException',
  )
  expect(await make({ KeySpec: 'HMAC_256' })).toBe('ValidationException')
  expect(await make({ KeySpec: 'HMAC_256', KeyUsage: 'SIGN_VERIFY' })).toBe('ValidationException')
  expect(
    await make({ KeySpec: 'RSA_2048', CustomerMasterKeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
  ).toBe('ValidationException')
  expect(await make({ Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: 'cks-1' })).toBe(
    'CustomKeyStoreNotFoundException',
  )
})
