import { describe, expect, it } from '@jest/globals'
import { createECDH, generateKeyPairSync } from 'node:crypto'
import { encode, sequence, TAG } from '../../../../src/crypto/import/der.js'
import { recogniseMaterial } from '../../../../src/crypto/import/recognise.js'
import { fileOf, MATERIAL_VECTORS, refusalOf } from './material.js'
import { hex, integer, list, octets, oid, sec1 } from './structures.js'

// Private keys that Node reads, but that must not be imported.

const said = (...given: Parameters<typeof refusalOf>) => refusalOf(...given).split('\n')

/** The hint for a key of an unsupported type. */
const TYPES =
  'a private key can be rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384, ecdsa-p521, ecdsa-secp256k1, ed25519'
const ANOTHER_COPY =
  'the file is damaged, or a faulty program created it; use another copy of the key'
const NAME_THE_CURVE =
  'name the curve: openssl ec -in FILE -param_enc named_curve | keymgmt write … material=-'
const UNRESTRICT =
  'if it may be used for more than PSS: openssl rsa -in FILE -traditional -outform DER | keymgmt write … material=-'

/** The order of P-256 (SEC 2 section 2.4.2): the smallest invalid scalar. */
const ORDER = hex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

function pointOf(scalar: Uint8Array): Buffer {
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(scalar)
  return ecdh.getPublicKey()
}

/** Explicit parameters of P-256 (RFC 3279 section 2.3.5) with another generator. */
function explicit(generator: Uint8Array): Buffer {
  const prime = hex('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff')
  const [a, b] = [
    'ffffffff00000001000000000000000000000000fffffffffffffffffffffffc',
    '5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b',
  ].map(hex)
  const [field, order] = [prime, ORDER].map((number) =>
    integer(BigInt(`0x${number.toString('hex')}`)),
  )
  return list(
    integer(1),
    list(oid('2a8648ce3d0101'), field ?? prime),
    list(octets(a ?? prime), octets(b ?? prime)),
    octets(generator),
    order ?? ORDER,
    integer(1),
  )
}

const number = (value: number) =>
  Uint8Array.from({ length: 32 }, (_, index) => (index === 31 ? value : 0))

describe('an RSA private key', () => {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const numbers = sequence(key.export({ format: 'der', type: 'pkcs1' })) ?? []

  it.each([
    [1, 'modulus', 'its modulus is not the product of its two primes'],
    [3, 'private exponent', 'its private exponent does not belong to its public one'],
    [4, 'first prime', 'its modulus is not the product of its two primes'],
    [
      6,
      'exponent1',
      'its precomputed numbers (exponent1, exponent2, coefficient) do not belong to its primes',
    ],
    [
      7,
      'exponent2',
      'its precomputed numbers (exponent1, exponent2, coefficient) do not belong to its primes',
    ],
    [
      8,
      'coefficient',
      'its precomputed numbers (exponent1, exponent2, coefficient) do not belong to its primes',
    ],
  ])('is refused if its number %d has a flipped bit: %s', (corrupted, _name, fault) => {
    const written = list(
      ...numbers.map(({ tag, content, whole }, index) => {
        if (index !== corrupted) return whole
        const changed = Buffer.from(content)
        // The second-lowest bit: an even number would fail an earlier check.
        changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 2
        return encode(tag, changed)
      }),
    )
    expect(said(written, {})).toEqual([
      `the RSA private key is not sound: ${fault}`,
      'use another copy of the key if this one is damaged; otherwise replace the key',
    ])
  })

  it('is accepted unchanged if its numbers are consistent', () => {
    expect(recogniseMaterial(list(...numbers.map(({ whole }) => whole)), {})).toEqual({
      type: 'rsa-2048',
      format: 'PKCS#1 DER',
      material: new Uint8Array(key.export({ format: 'der', type: 'pkcs8' })),
    })
  })
})

describe('an EC private key', () => {
  const scalar = ORDER.map((byte, index) => (index < 4 ? 0x5a : byte))

  it.each([
    ['without its public point', undefined],
    ['with it', pointOf(scalar)],
  ])('is completed, %s', (_name, point) => {
    const { material, ...rest } = recogniseMaterial(sec1(scalar, point), {})
    expect(rest).toEqual({ type: 'ecdsa-p256', format: 'SEC1 DER' })
    // Without the curve, which PKCS#8 states outside it.
    const inner = list(
      integer(1),
      octets(scalar),
      encode(TAG.CONTEXT_1, encode(TAG.BIT_STRING, Uint8Array.of(0), pointOf(scalar))),
    )
    expect(Buffer.from(material)).toEqual(
      list(integer(0), list(oid('2a8648ce3d0201'), oid('2a8648ce3d030107')), octets(inner)),
    )
  })

  it('is refused with the public point of another key', () => {
    expect(said(sec1(scalar, pointOf(number(2))), {})).toEqual([
      'the public key in the file does not belong to the private key',
      ANOTHER_COPY,
    ])
  })

  it.each([
    [
      'counts',
      Uint8Array.from({ length: 32 }, (_, index) => index + 1),
      'a sequence that counts up or down',
    ],
    ['is small', number(1), 'made of only a few different bytes'],
    ['repeats', hex('0123456789abcdeffedcba9876543210'.repeat(2)), 'one pattern repeated'],
  ])('is refused if its scalar %s, which is easy to guess', (_name, weak, words) => {
    expect(said(sec1(weak, pointOf(weak)), {})).toEqual([
      `the private key is weak: its secret is ${words}`,
      'import a key that was generated at random',
    ])
  })

  it('is refused if its scalar is the order of the curve or more, and accepted one below', () => {
    const below = Buffer.from(ORDER)
    below[31] = (below[31] ?? 0) - 1
    expect(recogniseMaterial(sec1(below), {}).type).toBe('ecdsa-p256')
    expect(said(sec1(ORDER), {})).toEqual([
      'the EC private key is not a number that its curve allows',
      ANOTHER_COPY,
    ])
  })

  it('is refused with explicit parameters of P-256', () => {
    expect(said(sec1(scalar, undefined, explicit(pointOf(number(1)))), {})).toEqual([
      'the material is an EC private key with explicit curve parameters, and a named curve is needed',
      NAME_THE_CURVE,
    ])
  })

  it('is refused with parameters of an unnamed curve', () => {
    expect(said(sec1(scalar, undefined, explicit(pointOf(number(2)))), {})).toEqual([
      "the material is an EC private key with explicit curve parameters, which can't be imported",
      NAME_THE_CURVE,
      TYPES,
    ])
  })
})

describe('a private key of an unsupported type', () => {
  const der = (key: ReturnType<typeof generateKeyPairSync>['privateKey']) =>
    key.export({ format: 'der', type: 'pkcs8' })

  it.each([
    [
      'RSA of 1024 bits',
      der(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
      'an RSA private key of 1024 bits',
      [],
    ],
    [
      'RSA restricted to PSS',
      der(generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).privateKey),
      'an RSA private key restricted to PSS (id-RSASSA-PSS)',
      [UNRESTRICT],
    ],
    [
      'P-224',
      der(generateKeyPairSync('ec', { namedCurve: 'P-224' }).privateKey),
      'a private key on the curve secp224r1',
      [],
    ],
    [
      'X25519',
      der(generateKeyPairSync('x25519').privateKey),
      'a private key of the algorithm x25519',
      [],
    ],
  ])('is named, with all supported types: %s', (_name, file, found, hints) => {
    expect(said(file, {})).toEqual([
      `the material is ${found}, which can't be imported`,
      ...hints,
      TYPES,
    ])
  })

  it("is not named if Node.js can't name it, as with SM2", () => {
    const [file = Buffer.alloc(0)] = MATERIAL_VECTORS.filter(({ name }) => name === 'SM2').map(
      fileOf,
    )
    expect(said(file, {})).toEqual([
      expect.stringMatching(
        /^the material is a private key of (an algorithm that Node does not name|the algorithm sm2), which can't be imported$/,
      ),
      TYPES,
    ])
  })
})

describe('a private key of another type than the specified one', () => {
  it.each([
    ['ecdsa-p256', 'a private key on the curve P-256, as PEM, DER or a JWK'],
    ['rsa-2048', 'an RSA private key of 2048 bits with two primes, as PEM, DER or a JWK'],
    ['hmac-sha256', '32 to 128 bytes, raw or as hex, base64 or a JWK'],
  ] as const)('is refused with both types: %s', (type, takes) => {
    const file = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
    expect(said(file, { type })).toEqual([
      `the material is an ed25519 private key (PKCS#8 DER), but type is ${type}`,
      `${type} takes ${takes}`,
      'this key has type=ed25519',
    ])
  })
})
