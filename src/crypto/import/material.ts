import {
  KEY_TYPE_NAMES,
  KEY_TYPES,
  LONGEST_HMAC,
  type KeyTypeName,
  type MaterialSpec,
} from '../key-types.js'

/** The accepted values of the option `format`. */
export const MATERIAL_FORMATS = ['pem', 'der', 'jwk', 'raw', 'hex', 'base64'] as const

/** A format of key material. */
export type MaterialFormat = (typeof MATERIAL_FORMATS)[number]

/** The user's options for an import. All are checked against the material. */
export interface MaterialOptions {
  readonly type?: KeyTypeName | undefined
  readonly format?: MaterialFormat | undefined
  /** The passphrase of an encrypted private key. */
  readonly passphrase?: Uint8Array | undefined
}

/** Key material that can be stored and sent to a KMS. */
export interface RecognisedMaterial {
  readonly type: KeyTypeName
  /**
   * The raw bytes of a symmetric or HMAC key, or an unencrypted PKCS#8 DER private key as Node
   * writes it: algorithm `rsaEncryption`, a named curve with its uncompressed public point (RFC
   * 5915), or Ed25519 version 0 (RFC 8410). A copy, which the caller wipes.
   */
  readonly material: Uint8Array
  /** The format of the input, for display: such as `encrypted PKCS#8 PEM` or `hex`. */
  readonly format: string
}

/** The length in bytes of a type's material, or undefined for a private key. */
export function lengthOf(type: KeyTypeName): number | undefined {
  const { material } = KEY_TYPES[type]
  return material.kind === 'bytes' ? material.length : undefined
}

/**
 * True if `length` bytes can be the material of one of `types`: for a single type, any length that
 * AWS accepts. Several types can be told apart only by the length of their generated material.
 */
export function isLengthOf(types: readonly KeyTypeName[], length: number): boolean {
  const [type, another] = types
  if (type === undefined || another !== undefined)
    return types.some((candidate) => lengthOf(candidate) === length)
  const { material } = KEY_TYPES[type]
  return material.kind === 'bytes' && length >= material.length && length <= material.most
}

/** A hint that says which material a type accepts, or any import without a type. */
export function needed(type: KeyTypeName | undefined): string {
  if (type === undefined) {
    const lengths = new Set(KEY_TYPE_NAMES.map(lengthOf).filter((length) => length !== undefined))
    return `an import takes a private key (PEM, DER, JWK), or ${[...lengths]
      .sort((a, b) => a - b)
      .join(', ')
      .replace(
        /, (\d+)$/,
        ' or $1',
      )} bytes (raw, hex, base64, JWK); with the type of an HMAC key, up to ${LONGEST_HMAC} bytes`
  }
  return `${type} takes ${takes(KEY_TYPES[type].material)}`
}

function takes(material: MaterialSpec): string {
  switch (material.kind) {
    case 'bytes':
      return `${material.length === material.most ? 'exactly' : `${material.length} to`} ${material.most} bytes, raw or as hex, base64 or a JWK`
    case 'rsa':
      return `an RSA private key of ${material.modulusLength} bits with two primes, as PEM, DER or a JWK`
    case 'ec':
      return `a private key on the curve ${material.curve}, as PEM, DER or a JWK`
    case 'ed25519':
      return 'an Ed25519 private key, as PEM, DER or a JWK'
  }
}

/** A Buffer over the same memory: a copy would have to be wiped too. */
export function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
