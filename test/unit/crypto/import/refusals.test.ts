import { describe, expect, it } from '@jest/globals'
import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto'
import { encode } from '../../../../src/crypto/import/der.js'
import { refusalOf } from './material.js'
import { json as jwk, pem, sec1, version2 } from './structures.js'

const ec = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve }).privateKey
const pkcs8Pem = (key = ec()) => Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }))
const aes = { type: 'aes256-gcm96' } as const

describe('material of the wrong type', () => {
  it.each([
    ['another curve', pkcs8Pem(ec('P-384')), 'ecdsa-p256', 'is an ecdsa-p384 private key'],
    [
      'another size',
      pkcs8Pem(generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey),
      'rsa-2048',
      'is an rsa-3072 private key',
    ],
    ['a private key for AES', pkcs8Pem(), 'aes256-gcm96', 'takes exactly 32 bytes'],
    [
      'bytes for a private key',
      randomBytes(32),
      'rsa-2048',
      'takes an RSA private key of 2048 bits with two primes',
    ],
    ['16 bytes', randomBytes(16), 'aes256-gcm96', 'takes exactly 32 bytes'],
    ['129 bytes', randomBytes(129), 'hmac-sha256', 'takes 32 to 128 bytes'],
    [
      '16 bytes in a JWK',
      jwk({ kty: 'oct', k: randomBytes(16).toString('base64url') }),
      'aes256-gcm96',
      'the JWK contains 16 bytes',
    ],
    [
      'the JWK of another alg',
      jwk({ ...ec().export({ format: 'jwk' }), alg: 'ES384' }),
      'ecdsa-p256',
      '"alg" can be ES256',
    ],
  ] as const)('is refused: %s', (_name, file, type, words) => {
    expect(refusalOf(file, { type })).toMatch(words)
  })

  it.each([
    [
      'RSA of 1024 bits',
      generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
      'RSA private key of 1024 bits',
    ],
    ['P-224', ec('P-224'), 'on the curve secp224r1'],
    ['X25519', generateKeyPairSync('x25519').privateKey, 'of the algorithm x25519'],
    ['Ed448', generateKeyPairSync('ed448').privateKey, 'of the algorithm ed448'],
    [
      'RSA-PSS',
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
      'restricted to PSS',
    ],
    [
      'DSA',
      generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey,
      'of the algorithm dsa',
    ],
  ])('is refused: %s', (_name, key, words) => {
    expect(refusalOf(pkcs8Pem(key))).toMatch(words)
  })
})

describe('a key with the public key of another', () => {
  const [first, second] = [ec().export({ format: 'jwk' }), ec().export({ format: 'jwk' })]
  const [okp, other] = [0, 1].map(() =>
    generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }),
  )

  it.each([
    ['EC', jwk({ ...first, d: second.d })],
    ['OKP', jwk({ ...okp, d: other?.d })],
    ['EC in SEC1', sec1(randomBytes(32), createECDH('prime256v1').generateKeys())],
    [
      'Ed25519 in PKCS#8 version 2',
      version2(randomBytes(32), encode(0x81, Uint8Array.of(0), randomBytes(32))),
    ],
  ])('is refused: %s', (_name, file) => {
    expect(refusalOf(file)).toMatch(
      /the public key in the file does not belong to the private key|has the halves of two keys/,
    )
  })

  it.each([
    ['zero', Buffer.alloc(32)],
    ['the order of the curve or more', Buffer.alloc(32, 0xff)],
  ])('is refused: a scalar of %s', (_name, scalar) => {
    expect(refusalOf(sec1(scalar, createECDH('prime256v1').generateKeys()))).toMatch(
      /weak|malformed|not a number that its curve allows/,
    )
  })
})

describe('weak material', () => {
  const counting = Uint8Array.from({ length: 32 }, (_, index) => index)
  it.each([
    ['zeros', new Uint8Array(32), 'the same byte repeated'],
    ['a sequence', counting, 'counts up or down'],
    ['a sequence down', counting.toReversed(), 'counts up or down'],
    [
      'a pattern',
      Buffer.from(randomBytes(16).toString('hex').repeat(2), 'hex'),
      'one pattern repeated',
    ],
    [
      'nearly nothing',
      Buffer.concat([Buffer.alloc(30), randomBytes(2)]),
      'only a few different bytes',
    ],
  ])('is refused, raw, in hex and as a private key: %s', (_name, bytes, words) => {
    expect(refusalOf(bytes, aes)).toMatch(words)
    expect(refusalOf(Buffer.from(Buffer.from(bytes).toString('hex')), aes)).toMatch(words)
    const ed25519 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytes])
    expect(refusalOf(ed25519)).toMatch(`its secret is `)
  })
})

describe('common mistakes', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 'the material is empty'],
    ['too much', Buffer.alloc(65_537), 'no key is longer than 65536'],
    ['32 bytes and a line end', Buffer.concat([randomBytes(32), Buffer.from('\n')]), 'head -c 32'],
    ['32 bytes and CRLF', Buffer.concat([randomBytes(32), Buffer.from('\r\n')]), 'head -c 32'],
    ['UTF-16', Buffer.from(`\ufeff${randomBytes(32).toString('hex')}`, 'utf16le'), 'UTF-16'],
    ['a passphrase', Buffer.from('correct horse battery staple 123'), 'format=raw'],
    ['blanks', Buffer.from(' \n'), 'text of 2 characters'],
    ['an SSH public key', Buffer.from('ssh-rsa AAAAB3Nza x'), 'an OpenSSH public key'],
    ['a PuTTY key', Buffer.from('PuTTY-User-Key-File-3: ssh-rsa\n'), 'puttygen'],
    ['DER cut short', ec().export({ format: 'der', type: 'pkcs8' }).subarray(0, -1), 'truncated'],
    [
      'DER and more',
      Buffer.concat([ec().export({ format: 'der', type: 'pkcs8' }), Buffer.from('\n')]),
      'extra bytes at its end',
    ],
    ['PEM cut short', pkcs8Pem().subarray(0, 100), 'a block has no end line'],
    ['PEM that is no base64', pem('PRIVATE KEY', 'M*'), 'not base64'],
    [
      'PEM with its line ends escaped',
      Buffer.from(JSON.stringify(pkcs8Pem().toString())),
      'a backslash and an n',
    ],
    ['PEM of something else', pem('PRIVATE KEY', randomBytes(30)), 'not a complete private key'],
    [
      'PEM under another label',
      pem('RSA PRIVATE KEY', ec().export({ format: 'der', type: 'pkcs8' })),
      '(PKCS#1) but contains PKCS#8',
    ],
    ['PEM under an unknown label', pem('SECRET PRIVATE KEY', 'AAAA'), 'an unknown PEM label'],
    [
      'PEM whose first line is cut short, after the last one of another',
      Buffer.from('text-----END -----\n-----BEGIN PRIVATE KEY'),
      'a block has no end line',
    ],
    [
      'a public key after parameters',
      Buffer.concat([pem('EC PARAMETERS', ''), pem('PUBLIC KEY', '')]),
      'a public key (PEM)',
    ],
    ['PEM with two keys', Buffer.concat([pkcs8Pem(), pkcs8Pem()]), '2 private keys'],
    ['OpenPGP', pem('PGP PRIVATE KEY BLOCK', ''), 'an OpenPGP private key'],
    ['PEM of no key', pem('SOMETHING', ''), 'PEM that contains no private key'],
    ['a set of JWKs', jwk({ keys: [ec().export({ format: 'jwk' })] }), 'a list of one JWK'],
    ['an encrypted JWK', jwk({ protected: '', ciphertext: '' }), 'an encrypted JWK'],
    ['JSON', jwk({ key: 1 }), 'not a JWK'],
    ['half a JSON', Buffer.from('{"kty":'), 'not the JSON of a JWK'],
    [
      'a public JWK',
      jwk({ ...ec().export({ format: 'jwk' }), d: undefined }),
      'a public key (JWK)',
    ],
    ['a JWK of another kind', jwk({ kty: 'constructor' }), 'not one that can be imported'],
    ['a JWK of three primes', jwk({ kty: 'RSA', d: 'AA', oth: [] }), 'more than two primes'],
    [
      'an RSA JWK without primes',
      jwk({ kty: 'RSA', n: 'AA', e: 'AQAB', d: 'AA' }),
      'lacks "p", "q", "dp", "dq", "qi"',
    ],
    [
      'a JWK on no curve',
      jwk({ kty: 'EC', crv: 'P-192', x: 'AA', y: 'AA', d: 'AA' }),
      'or its curve is not',
    ],
    ['a JWK with k in base64', jwk({ kty: 'oct', k: '****' }), 'has no "k"'],
  ])('are named: %s', (_name, file, words) => {
    expect(refusalOf(file)).toContain(words)
  })
})
