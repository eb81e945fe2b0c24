import { encode, TAG } from '../../../../src/crypto/import/der.js'

// Builds key files by hand, because Node and OpenSSL do not write invalid ones.

/** The curve P-256 by its name (RFC 5480 section 2.1.1.1), as DER. */
export const P256 = Buffer.from('06082a8648ce3d030107', 'hex')

export const hex = (text: string) => Buffer.from(text, 'hex')
export const oid = (text: string) => encode(TAG.OID, hex(text))
export const list = (...elements: readonly Uint8Array[]) => encode(TAG.SEQUENCE, ...elements)
export const octets = (...contents: readonly Uint8Array[]) => encode(TAG.OCTET_STRING, ...contents)
export const bits = (content: Uint8Array) => encode(TAG.BIT_STRING, Uint8Array.of(0), content)

/** A non-negative DER INTEGER. */
export function integer(value: number | bigint): Buffer {
  const digits = value.toString(16)
  const bytes = hex(digits.padStart(digits.length + (digits.length % 2), '0'))
  return encode(
    TAG.INTEGER,
    (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Uint8Array.of(0), bytes]),
  )
}

/** An EC private key (RFC 5915), with or without a public point. */
export function sec1(scalar: Uint8Array, point?: Uint8Array, curve: Uint8Array = P256): Buffer {
  const publicKey = point === undefined ? [] : [encode(TAG.CONTEXT_1, bits(point))]
  return list(integer(1), octets(scalar), encode(TAG.CONTEXT_0, curve), ...publicKey)
}

/**
 * An Ed25519 private key in PKCS#8 version 2 (RFC 8410 section 7). `rest` are the elements after
 * the key: attributes and the public key.
 */
export function version2(seed: Uint8Array, ...rest: readonly Uint8Array[]): Buffer {
  return list(integer(1), list(oid('2b6570')), octets(octets(seed)), ...rest)
}

/** A PEM block around `body`: bytes, or text that need not be base64. */
export function pem(label: string, body: Uint8Array | string): Buffer {
  return Buffer.from(
    `-----BEGIN ${label}-----\n${typeof body === 'string' ? body : Buffer.from(body).toString('base64')}\n-----END ${label}-----\n`,
  )
}

export const json = (value: object) => Buffer.from(JSON.stringify(value))
