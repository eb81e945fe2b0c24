import { describe, expect, it } from '@jest/globals'
import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { signEcdsa, verifyEcdsa } from '../../../src/dev-kms/prehashed.js'

const hex = (digits: string) => Buffer.from(digits, 'hex')
const message = Buffer.from('sample')
const digestOf = (hash: string) => createHash(hash).update(message).digest()

function p256Key(scalar: Buffer): KeyObject {
  const point = createECDH('prime256v1')
  point.setPrivateKey(scalar)
  const [x, y] = [point.getPublicKey().subarray(1, 33), point.getPublicKey().subarray(33)]
  const part = (bytes: Buffer) => bytes.toString('base64url')
  return createPrivateKey({
    format: 'jwk',
    key: { kty: 'EC', crv: 'P-256', d: part(scalar), x: part(x), y: part(y) },
  })
}

// RFC 6979, appendix A.2.5: P-256, SHA-256, message "sample".
const RFC6979_KEY = p256Key(hex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'))
const R = '022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716'
const S = '022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8'
/** The order of the curve minus S: the other value that verifies. */
const OTHER_S = '02200834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9'

describe('ECDSA over a digest', () => {
  it.each([
    ['the signature of RFC 6979', `3046${R}${S}`, true],
    ['the same signature with the smaller s', `3045${R}${OTHER_S}`, true],
    ['a signature with another s', `3046${R}${R}`, false],
    ['a signature with s = 0', `3026${R}020100`, false],
    ['an integer that is not in its shortest form', `3047${R}022200${S.slice(4)}`, false],
    ['a length that is not in its shortest form', `308146${R}${S}`, false],
    ['bytes after the signature', `3046${R}${S}00`, false],
    ['an empty signature', '', false],
  ])('verifies %s', (_title, signature, expected) => {
    const digest = digestOf('sha256')
    expect(verifyEcdsa(RFC6979_KEY, 'prime256v1', digest, hex(signature))).toBe(expected)
  })

  it.each([
    ['prime256v1', 'sha256'],
    ['secp256k1', 'sha256'],
    ['secp384r1', 'sha384'],
    ['secp521r1', 'sha512'],
  ])('agrees with OpenSSL on %s', (namedCurve, hash) => {
    const { privateKey: key } = generateKeyPairSync('ec', { namedCurve })
    const digest = digestOf(hash)
    for (let run = 0; run < 16; run++) {
      const ours = signEcdsa(key, namedCurve, digest)
      expect(verify(hash, message, createPublicKey(key), ours)).toBe(true)
      expect(verifyEcdsa(key, namedCurve, digest, sign(hash, message, key))).toBe(true)
      digest[run] = (digest[run] ?? 0) ^ 1
      expect(verifyEcdsa(key, namedCurve, digest, ours)).toBe(false)
      digest[run] = (digest[run] ?? 0) ^ 1
    }
  })
})
