import { describe, expect, it } from '@jest/globals'
import { lengthOf, needed } from '../../../../src/crypto/import/material.js'
import { KEY_TYPE_NAMES, type KeyTypeName } from '../../../../src/crypto/key-types.js'

/** The material that each type accepts, in the words of the hint, and its length in bytes. */
const TAKES: Readonly<Record<KeyTypeName, readonly [words: string, length: number | undefined]>> = {
  'aes256-gcm96': ['exactly 32 bytes, raw or as hex, base64 or a JWK', 32],
  'rsa-2048': ['an RSA private key of 2048 bits with two primes, as PEM, DER or a JWK', undefined],
  'rsa-3072': ['an RSA private key of 3072 bits with two primes, as PEM, DER or a JWK', undefined],
  'rsa-4096': ['an RSA private key of 4096 bits with two primes, as PEM, DER or a JWK', undefined],
  'ecdsa-p256': ['a private key on the curve P-256, as PEM, DER or a JWK', undefined],
  'ecdsa-p384': ['a private key on the curve P-384, as PEM, DER or a JWK', undefined],
  'ecdsa-p521': ['a private key on the curve P-521, as PEM, DER or a JWK', undefined],
  'ecdsa-secp256k1': ['a private key on the curve secp256k1, as PEM, DER or a JWK', undefined],
  ed25519: ['an Ed25519 private key, as PEM, DER or a JWK', undefined],
  'hmac-sha224': ['28 to 128 bytes, raw or as hex, base64 or a JWK', 28],
  'hmac-sha256': ['32 to 128 bytes, raw or as hex, base64 or a JWK', 32],
  'hmac-sha384': ['48 to 128 bytes, raw or as hex, base64 or a JWK', 48],
  'hmac-sha512': ['64 to 128 bytes, raw or as hex, base64 or a JWK', 64],
}

describe('the hint about the accepted material', () => {
  it.each(KEY_TYPE_NAMES.map((type) => [type, ...TAKES[type]] as const))(
    'for %s: %s',
    (type, words, length) => {
      expect(needed(type)).toBe(`${type} takes ${words}`)
      expect(lengthOf(type)).toBe(length)
    },
  )

  it('without a type: every format, and every length once, the shortest first', () => {
    expect(needed(undefined)).toBe(
      'an import takes a private key (PEM, DER, JWK), or 28, 32, 48 or 64 bytes (raw, hex, base64, JWK); with the type of an HMAC key, up to 128 bytes',
    )
  })
})
