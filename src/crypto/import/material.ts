import { KEY_TYPE_NAMES, KEY_TYPES, type KeyTypeName, type MaterialSpec } from '../key-types.js'

/**
 * The forms in which a user's own key material is read, by the names that the option `format`
 * takes.
 */
export const MATERIAL_FORMATS = ['pem', 'der', 'jwk', 'raw', 'hex', 'base64'] as const

/** The name of a form of key material. */
export type MaterialFormat = (typeof MATERIAL_FORMATS)[number]

/** What the user says about the material; all of it is checked. */
export interface MaterialOptions {
  readonly type?: KeyTypeName | undefined
  readonly format?: MaterialFormat | undefined
  /**
   * What opens an encrypted private key. One line end after it is not part of it, as OpenSSL has it
   * for files.
   */
  readonly passphrase?: Uint8Array | undefined
}

/** Key material that can be stored and sent to a KMS. */
export interface RecognisedMaterial {
  readonly type: KeyTypeName
  /**
   * The raw bytes of a symmetric or HMAC key, or an unencrypted PKCS#8 DER private key as Node
   * writes it: algorithm `rsaEncryption`, a named curve with its uncompressed public point (RFC
   * 5915), or Ed25519 version 0 (RFC 8410). A copy of its own, which the caller wipes.
   */
  readonly material: Uint8Array
  /** In what form it came, to show: such as `encrypted PKCS#8 PEM` or `hex`. */
  readonly format: string
}

/** The length in bytes of a type's material, or undefined where it is a private key. */
export function lengthOf(type: KeyTypeName): number | undefined {
  const { material } = KEY_TYPES[type]
  return material.kind === 'bytes' ? material.length : undefined
}

/** What is needed, as a hint: for this type, or where no type is given. */
export function needed(type: KeyTypeName | undefined): string {
  if (type === undefined) {
    const lengths = new Set(KEY_TYPE_NAMES.map(lengthOf).filter((length) => length !== undefined))
    return `an import takes a private key (PEM, DER, JWK), or bytes (raw, hex, base64, JWK): ${[...lengths].sort((a, b) => a - b).join(', ')} of them`
  }
  return `${type} takes ${takes(KEY_TYPES[type].material)}`
}

function takes(material: MaterialSpec): string {
  switch (material.kind) {
    case 'bytes':
      return `exactly ${material.length} bytes, raw or as hex, base64 or a JWK`
    case 'rsa':
      return `an RSA private key of ${material.modulusLength} bits with two primes, as PEM, DER or a JWK`
    case 'ec':
      return `a private key on the curve ${material.curve}, as PEM, DER or a JWK`
    case 'ed25519':
      return 'an Ed25519 private key, as PEM, DER or a JWK'
  }
}

/** The bytes as a Buffer over the same memory: a copy would be one more to wipe. */
export function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
