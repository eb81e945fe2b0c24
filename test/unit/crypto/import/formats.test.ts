import { describe, expect, it } from '@jest/globals'
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { recogniseMaterial } from '../../../../src/crypto/import/recognise.js'
import { KEY_TYPE_NAMES, KEY_TYPES, pkcs8 } from '../../../../src/crypto/key-types.js'
import { fileOf, MATERIAL_VECTORS, publicHalf, refusalOf } from './material.js'

const passphrase = Buffer.from('correct horse')
const encryption = { cipher: 'aes-256-cbc', passphrase: 'correct horse' }

describe('files of OpenSSL and of RFCs', () => {
  it.each(MATERIAL_VECTORS.filter(({ type }) => type !== undefined))(
    'are read: $name ($source)',
    (vector) => {
      const found = recogniseMaterial(
        fileOf(vector),
        vector.passphrase === undefined ? {} : { passphrase: Buffer.from(vector.passphrase) },
      )
      expect(found).toMatchObject({ type: vector.type, format: vector.format })
      if (vector.public !== undefined)
        expect(publicHalf(found.material).toString('base64')).toBe(vector.public)
    },
  )

  it.each(MATERIAL_VECTORS.filter(({ refused }) => refused !== undefined))(
    'are refused: $name ($source)',
    (vector) => {
      const options =
        vector.passphrase === undefined ? {} : { passphrase: Buffer.from(vector.passphrase) }
      expect(refusalOf(fileOf(vector), options)).toMatch(new RegExp(vector.refused ?? ''))
    },
  )

  it('PKCS#8 version 2 contains the same key as version 1', () => {
    const [first, second] = MATERIAL_VECTORS.filter(({ name }) => name.startsWith('Ed25519')).map(
      (vector) => recogniseMaterial(fileOf(vector)).material,
    )
    expect(second).toEqual(first)
  })
})

const KEYS = [
  ['rsa-2048', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'pkcs1'],
  ['ecdsa-p256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'sec1'],
  ['ecdsa-p521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey, 'sec1'],
  ['ecdsa-secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, 'sec1'],
  ['ed25519', generateKeyPairSync('ed25519').privateKey, undefined],
] as const

/** A key in every format that Node writes. `encrypted` marks those that need a passphrase. */
function formsOf(
  key: KeyObject,
  own: 'pkcs1' | 'sec1' | undefined,
): readonly (readonly [file: Buffer, encrypted: boolean])[] {
  const types = [...(own === undefined ? [] : [own]), 'pkcs8'] as const
  const plain = types.flatMap((type) => [
    key.export({ format: 'der', type }),
    Buffer.from(key.export({ format: 'pem', type })),
  ])
  const closed = [
    key.export({ format: 'der', type: 'pkcs8', ...encryption }),
    ...types.map((type) => Buffer.from(key.export({ format: 'pem', type, ...encryption }))),
  ]
  const jwk = Buffer.from(JSON.stringify(key.export({ format: 'jwk' })))
  const text = (['hex', 'base64', 'base64url'] as const).map((encoding) =>
    Buffer.from(`${key.export({ format: 'der', type: 'pkcs8' }).toString(encoding)}\n`),
  )
  return [
    ...[...plain, jwk, ...text].map((file) => [file, false] as const),
    ...closed.map((file) => [file, true] as const),
  ]
}

describe('a private key', () => {
  it.each(KEYS)(
    "%s is read from every format as the same bytes, which equal Node's export",
    (type, key, own) => {
      for (const [file, encrypted] of formsOf(key, own)) {
        const options = encrypted ? { passphrase } : {}
        expect(recogniseMaterial(file, options)).toMatchObject({ type })
        expect(recogniseMaterial(file, { type, ...options }).material).toEqual(
          new Uint8Array(pkcs8(key)),
        )
      }
    },
  )

  it.each(KEYS)(
    '%s is refused with a superfluous, missing or wrong passphrase',
    (_type, key, own) => {
      for (const [file, encrypted] of formsOf(key, own)) {
        if (!encrypted)
          expect(refusalOf(file, { passphrase })).toMatch('the material is not encrypted')
        else {
          expect(refusalOf(file)).toMatch('add passphrase=@FILE')
          expect(refusalOf(file, { passphrase: Buffer.from('incorrect horse') })).toMatch(
            'the passphrase does not open the private key',
          )
        }
      }
    },
  )

  it('accepts a passphrase of 1 to 1024 bytes, as OpenSSL does', () => {
    const [, key] = KEYS[1]
    const file = key.export({ format: 'der', type: 'pkcs8', ...encryption })
    expect(recogniseMaterial(file, { passphrase })).toMatchObject({ type: 'ecdsa-p256' })
    expect(refusalOf(file, { passphrase: new Uint8Array() })).toMatch('the passphrase is empty')
    expect(refusalOf(file, { passphrase: Buffer.alloc(1025, 'a') })).toMatch(
      'longer than 1024 bytes',
    )
  })

  it.each([
    ['CRLF', (pem: string) => pem.replaceAll('\n', '\r\n')],
    ['a byte order mark', (pem: string) => `\ufeff${pem}`],
    ['text around it', (pem: string) => `Bag Attributes\n  name: x\n${pem}\nthat was all\n`],
    ['an indent', (pem: string) => pem.replaceAll('\n', '\n    ')],
    ['no line breaks', (pem: string) => pem.replaceAll('\n', '')],
  ])('is read from PEM with %s', (_name, change) => {
    const [, key] = KEYS[1]
    expect(
      recogniseMaterial(
        Buffer.from(change(key.export({ format: 'pem', type: 'sec1' }).toString())),
      ),
    ).toMatchObject({ format: 'SEC1 PEM' })
  })

  it('is read only in the specified format', () => {
    const pem = Buffer.from(KEYS[1][1].export({ format: 'pem', type: 'sec1' }))
    expect(recogniseMaterial(pem, { format: 'pem' })).toMatchObject({ type: 'ecdsa-p256' })
    for (const format of ['der', 'jwk', 'raw', 'hex', 'base64'] as const)
      expect(refusalOf(pem, { format })).toMatch('the material is')
    expect(refusalOf(randomBytes(32), { format: 'pem' })).toMatch(
      'the material contains no PEM block',
    )
  })
})

describe('symmetric and HMAC keys', () => {
  const types = KEY_TYPE_NAMES.flatMap((type) => {
    const { material } = KEY_TYPES[type]
    return material.kind === 'bytes' ? [[type, material.length] as const] : []
  })

  it.each(types)('%s of %d bytes is read from raw bytes, hex, base64 and JWK', (type, length) => {
    const key = randomBytes(length)
    const jwk = JSON.stringify({ kty: 'oct', k: key.toString('base64url'), kid: 'ü' })
    const texts = [
      key.toString('hex'),
      `0x${key.toString('hex').toUpperCase()}`,
      key.toString('hex').replace(/../g, '$& '),
      `\ufeff${key.toString('base64')}\r\n`,
      key.toString('base64url'),
      jwk,
    ]
    for (const file of [key, ...texts.map((text) => Buffer.from(text))]) {
      expect(recogniseMaterial(file, { type }).material).toEqual(new Uint8Array(key))
    }
  })

  it.each([
    ['aes256-gcm96', 32, 32],
    ['hmac-sha224', 28, 128],
    ['hmac-sha256', 32, 128],
    ['hmac-sha384', 48, 128],
    ['hmac-sha512', 64, 128],
  ] as const)('%s has %d to %d bytes, in every format', (type, least, most) => {
    for (let length = least - 1; length <= most + 1; length++) {
      const key = createHash('shake256', { outputLength: length }).update(type).digest()
      const jwk = { kty: 'oct', k: key.toString('base64url') }
      const files = [
        Buffer.from(key.toString('hex')),
        Buffer.from(key.toString('base64')),
        Buffer.from(JSON.stringify(jwk)),
      ]
      for (const file of files) {
        if (length < least || length > most) expect(refusalOf(file, { type })).toMatch(`${length}`)
        else expect(recogniseMaterial(file, { type }).material).toEqual(new Uint8Array(key))
      }
      if (length < least || length > most)
        expect(refusalOf(key, { type, format: 'raw' })).toMatch(`the material is ${length} bytes`)
      else
        expect(recogniseMaterial(key, { type, format: 'raw' }).material).toEqual(
          new Uint8Array(key),
        )
    }
  })

  it('an HMAC key that is not as long as a hash needs a type, or the alg of a JWK', () => {
    const key = randomBytes(70)
    expect(refusalOf(key)).toMatch('with the type of an HMAC key, up to 128 bytes')
    const jwk = { kty: 'oct', k: key.toString('base64url'), alg: 'HS256' }
    expect(recogniseMaterial(Buffer.from(JSON.stringify(jwk)))).toMatchObject({
      type: 'hmac-sha256',
      material: new Uint8Array(key),
    })
  })

  it('is copied: wiping the input does not change it', () => {
    const key = randomBytes(32)
    const { material } = recogniseMaterial(key, { type: 'aes256-gcm96' })
    key.fill(0)
    expect(material.every((byte) => byte === 0)).toBe(false)
  })

  it.each([
    [28, 'hmac-sha224'],
    [48, 'hmac-sha384'],
    [64, 'hmac-sha512'],
  ])('%d bytes without a type are %s', (length, type) => {
    const key = randomBytes(length)
    for (const file of [key, Buffer.from(key.toString('hex')), Buffer.from(key.toString('base64'))])
      expect(recogniseMaterial(file).type).toBe(type)
  })

  it('32 bytes need a type, or a JWK that determines it', () => {
    const key = randomBytes(32)
    expect(refusalOf(key)).toMatch('specify one: type=aes256-gcm96 or type=hmac-sha256')
    expect(refusalOf(Buffer.from(key.toString('hex')))).toMatch('hmac-sha384 (48 bytes, base64)')
    const k = key.toString('base64url')
    const oct = (said: object) => Buffer.from(JSON.stringify({ kty: 'oct', k, ...said }))
    expect(recogniseMaterial(oct({ alg: 'HS256' })).type).toBe('hmac-sha256')
    expect(recogniseMaterial(oct({ use: 'enc' })).type).toBe('aes256-gcm96')
    expect(refusalOf(oct({ alg: 'HS256' }), { type: 'aes256-gcm96' })).toMatch(
      'does not allow aes256-gcm96',
    )
    expect(refusalOf(oct({ alg: 'constructor' }))).toMatch('no key type has')
  })

  it('may be text only with format raw', () => {
    const hex = Buffer.from(createHash('sha256').update('x').digest('hex'))
    expect(refusalOf(hex, { type: 'hmac-sha512' })).toMatch(/hex of 32 bytes[^]*format=raw/)
    expect(recogniseMaterial(hex, { type: 'hmac-sha512', format: 'raw' }).material).toEqual(
      new Uint8Array(hex),
    )
    expect(refusalOf(Buffer.from(hex.toString('base64')), { type: 'hmac-sha512' })).toMatch(
      /are text, where random bytes are expected[^]*format=raw/,
    )
  })
})

it('the result is a valid key with the public key of the original', () => {
  for (const [, key] of KEYS)
    expect(publicHalf(recogniseMaterial(pkcs8(key)).material)).toEqual(
      createPublicKey(key).export({ format: 'der', type: 'spki' }),
    )
})
