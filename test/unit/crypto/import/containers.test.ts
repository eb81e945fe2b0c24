import { describe, expect, it } from '@jest/globals'
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { encode } from '../../../../src/crypto/import/der.js'
import { recogniseMaterial } from '../../../../src/crypto/import/recognise.js'
import { refusalOf } from './material.js'
import { bits, hex, integer, list, octets, oid, version2 } from './structures.js'

const said = (...given: Parameters<typeof refusalOf>) => refusalOf(...given).split('\n')
/** OIDs of RFC 8018 appendix A, and of NIST's AES-256-CBC. */
const [PBES2, PBKDF2, AES] = [
  oid('2a864886f70d01050d'),
  oid('2a864886f70d01050c'),
  oid('60864801650304012a'),
]
const ANOTHER_COPY =
  'the file is damaged, or a faulty program created it; use another copy of the key'

describe('PKCS#8 version 2 (RFC 5958)', () => {
  const key = generateKeyPairSync('ed25519').privateKey
  const version1 = key.export({ format: 'der', type: 'pkcs8' })
  const seed = version1.subarray(-32)
  const point = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  const attributes = encode(0xa0, list(oid('2a03'), encode(0x31)))
  const implicit = (publicKey: Uint8Array) => encode(0x81, Uint8Array.of(0), publicKey)

  it.each([
    ['a public key', [implicit(point)]],
    ['a public key with a tag around it, as older software has it', [encode(0xa1, bits(point))]],
    ['attributes and a public key', [attributes, implicit(point)]],
  ])('with %s is read', (_name, rest) => {
    expect(recogniseMaterial(version2(seed, ...rest), {})).toEqual({
      type: 'ed25519',
      format: 'PKCS#8 DER',
      material: new Uint8Array(version1),
    })
  })

  it.each([
    ['another', implicit(randomBytes(32))],
    ['none', implicit(new Uint8Array())],
    ['one without its first byte', implicit(point.subarray(1))],
    ['one of its bits', implicit(point.map((byte, index) => (index === 0 ? byte ^ 1 : byte)))],
  ])('is refused if its public key does not match: %s', (_name, publicKey) => {
    expect(said(version2(seed, publicKey), {})).toEqual([
      'the public key in the file does not belong to the private key',
      ANOTHER_COPY,
    ])
  })

  it('is refused if its private key is invalid', () => {
    expect(said(version2(seed.subarray(1), implicit(point)), {})).toEqual([
      'the private key is malformed',
      ANOTHER_COPY,
    ])
  })
})

describe('the iterations of an encrypted private key', () => {
  const passphrase = Buffer.from('correct horse')
  const encrypted = (algorithm: Uint8Array) => list(algorithm, octets(randomBytes(16)))
  // No cipher has this OID, so OpenSSL fails before it derives a key.
  const noCipher = list(oid('2a03'))
  const pbkdf2 = (rounds: number) =>
    encrypted(
      list(PBES2, list(list(PBKDF2, list(octets(randomBytes(8)), integer(rounds))), noCipher)),
    )
  const scrypt = (...factors: readonly number[]) =>
    encrypted(
      list(
        PBES2,
        list(
          list(oid('2b06010401da47040b'), list(octets(randomBytes(8)), ...factors.map(integer))),
          noCipher,
        ),
      ),
    )
  const pbes1 = (rounds: number) =>
    encrypted(list(oid('2a864886f70d010503'), list(octets(randomBytes(8)), integer(rounds))))

  it.each([
    ['PBKDF2', pbkdf2(1_000_000)],
    ['PBES1', pbes1(1_000_000)],
    ['scrypt, by its last factor', scrypt(16_384, 8, 7)],
    ['scrypt, by its first', scrypt(125_000, 8, 1)],
  ])('are accepted up to a million: %s', (_name, file) => {
    expect(said(file, { passphrase })[0]).toMatch(
      /^the passphrase does not open|^the private key is encrypted in a way/,
    )
  })

  it.each([
    ['PBKDF2', pbkdf2(1_000_001)],
    ['PBES1', pbes1(1_000_001)],
    ['scrypt, by its last factor', scrypt(16_384, 8, 8)],
    ['scrypt, by its second', scrypt(16_384, 64, 1)],
    ['scrypt, by its first', scrypt(131_072, 8, 1)],
    [
      'a number that no machine counts to',
      encrypted(list(PBES2, list(list(PBES2, list(octets(), integer(2n ** 64n))), noCipher))),
    ],
  ])('are refused above a million, before the derivation: %s', (_name, file) => {
    expect(said(file, { passphrase })).toEqual([
      'the private key is encrypted with more than 1000000 rounds of key derivation',
      'decrypt it: openssl pkey -in FILE | keymgmt write … material=-',
    ])
  })

  it.each([
    ['no algorithm', list()],
    ['no parameters', list(PBES2)],
    ['empty parameters', list(PBES2, list())],
    ['parameters that are no element', list(PBES2, octets(hex('ff')))],
    ['a derivation without parameters', list(PBES2, list(list(PBES2), noCipher))],
    ['a derivation without numbers', list(PBES2, list(list(PBES2, list(octets())), noCipher))],
  ])('are required: a file without them is damaged: %s', (_name, algorithm) => {
    expect(said(encrypted(algorithm), { passphrase })).toEqual([
      'the private key is malformed',
      ANOTHER_COPY,
    ])
  })
})

describe('an encrypted private key', () => {
  const passphrase = Buffer.from('correct horse')
  const OTHER_WAY = [
    'the private key is encrypted in a way that this Node does not support',
    'encrypt it again: openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider default -in FILE -out new.pem; then import new.pem',
  ]

  it.each([
    ['an algorithm', list(oid('2a03'), list(octets(), integer(1)))],
    ['a cipher', list(PBES2, list(list(PBKDF2, list(octets(), integer(1))), list(oid('2a03'))))],
    [
      'a derivation',
      list(
        PBES2,
        list(list(oid('2a03'), list(octets(), integer(1))), list(AES, octets(randomBytes(16)))),
      ),
    ],
    [
      'a hash',
      list(
        PBES2,
        list(
          list(PBKDF2, list(octets(), integer(1), list(oid('2a03')))),
          list(AES, octets(randomBytes(16))),
        ),
      ),
    ],
  ])('is refused if OpenSSL does not support its %s, with any passphrase', (_name, algorithm) => {
    expect(said(list(algorithm, octets(randomBytes(16))), { passphrase })).toEqual(OTHER_WAY)
  })
})

describe('DER that is not a private key', () => {
  it.each([
    [
      'a public key',
      createPublicKey(generateKeyPairSync('ed25519').privateKey).export({
        format: 'der',
        type: 'spki',
      }),
      'a public key',
      'import the private key',
    ],
    [
      'an RSA public key of PKCS#1',
      list(integer(7), integer(3)),
      'a public key',
      'import the private key',
    ],
    [
      'a certificate',
      list(list(), list(), bits(hex('00'))),
      'a certificate or a certificate request',
      'import the private key that belongs to it',
    ],
    [
      'a DSA key',
      list(...[0, 1, 2, 3, 4, 5].map(integer)),
      'a DSA private key',
      'AWS KMS has no DSA keys',
    ],
    [
      'PKCS#12',
      list(integer(3), list(), list()),
      'a PKCS#12 file',
      'extract the key: openssl pkcs12 -in FILE -nocerts -out key.pem (with -legacy for an old file); then import key.pem with its passphrase',
    ],
  ])('is named: %s', (_name, file, found, hint) => {
    expect(said(file, {})).toEqual([
      `the material is ${found} (DER), and a private key is needed`,
      hint,
    ])
  })

  it('is refused in the specified format', () => {
    expect(said(randomBytes(40), { format: 'der' })).toEqual([
      'the material is not a complete private key (DER): neither PKCS#8 nor PKCS#1 nor SEC1',
      'examine it: openssl asn1parse -in FILE (with -inform DER unless it is PEM)',
    ])
  })

  it.each([
    ['PKCS#8', list(integer(0), list(), octets())],
    ['SEC1', list(integer(1), octets())],
  ])('is refused as damaged if it only begins like %s', (_name, file) => {
    expect(said(file, {})).toEqual(['the private key is malformed', ANOTHER_COPY])
  })
})
