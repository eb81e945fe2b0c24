import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'

const generatePair = promisify(generateKeyPair)

/** The form of the material of one key type, for generation and for the check of an import. */
export type MaterialSpec =
  /** Raw bytes: `length` of them if generated, and from `length` to `most` if imported. */
  | { readonly kind: 'bytes'; readonly length: number; readonly most: number }
  /** A private key of exactly `modulusLength` bits with two primes. */
  | { readonly kind: 'rsa'; readonly modulusLength: number }
  /**
   * A private key on a named curve: `namedCurve` is OpenSSL's name, `curve` the name to show.
   */
  | { readonly kind: 'ec'; readonly namedCurve: string; readonly curve: string }
  | { readonly kind: 'ed25519' }

/** The functions and properties of one key type. */
export interface KeyType {
  /**
   * Generates material from the platform's random source: the raw bytes of a symmetric or HMAC key,
   * or an unencrypted PKCS#8 DER private key (RFC 5208). The caller wipes it.
   */
  readonly generate: () => Promise<Uint8Array>
  /** True if the material is a private key, whose public key can be shown. */
  readonly asymmetric: boolean
  readonly material: MaterialSpec
}

/** A symmetric or HMAC type: `length` random bytes; an import accepts up to `most`. */
function random(length: number, most = length): KeyType {
  return {
    asymmetric: false,
    material: { kind: 'bytes', length, most },
    generate: () => Promise.resolve(randomBytes(length)),
  }
}

function rsa(modulusLength: number): KeyType {
  return {
    asymmetric: true,
    material: { kind: 'rsa', modulusLength },
    generate: async () => pkcs8((await generatePair('rsa', { modulusLength })).privateKey),
  }
}

function ec(namedCurve: string, curve: string): KeyType {
  return {
    asymmetric: true,
    material: { kind: 'ec', namedCurve, curve },
    generate: async () => pkcs8((await generatePair('ec', { namedCurve })).privateKey),
  }
}

const ed25519: KeyType = {
  asymmetric: true,
  material: { kind: 'ed25519' },
  generate: async () => pkcs8((await generatePair('ed25519')).privateKey),
}

/**
 * The longest HMAC material in bytes (https://docs.aws.amazon.com/kms/latest/developerguide/
 * importing-keys-conceptual.html). The shortest is as long as the hash.
 */
export const LONGEST_HMAC = 128

/** Every key type by name, in the style of Vault's names. */
export const KEY_TYPES = {
  'aes256-gcm96': random(32),
  'rsa-2048': rsa(2048),
  'rsa-3072': rsa(3072),
  'rsa-4096': rsa(4096),
  'ecdsa-p256': ec('prime256v1', 'P-256'),
  'ecdsa-p384': ec('secp384r1', 'P-384'),
  'ecdsa-p521': ec('secp521r1', 'P-521'),
  'ecdsa-secp256k1': ec('secp256k1', 'secp256k1'),
  ed25519,
  'hmac-sha224': random(28, LONGEST_HMAC),
  'hmac-sha256': random(32, LONGEST_HMAC),
  'hmac-sha384': random(48, LONGEST_HMAC),
  'hmac-sha512': random(64, LONGEST_HMAC),
} as const satisfies Record<string, KeyType>

/** The name of a key type. */
export type KeyTypeName = keyof typeof KEY_TYPES

/** The type of a new key if none is specified; Vault's default. */
export const DEFAULT_KEY_TYPE = 'rsa-2048' satisfies KeyTypeName

/** The names of all key types, in the order in which help shows them. */
export const KEY_TYPE_NAMES = Object.keys(KEY_TYPES) as readonly KeyTypeName[]

/**
 * Returns the public key of asymmetric `material` as SubjectPublicKeyInfo PEM; undefined for other
 * types.
 */
export function publicKeyPem(type: KeyTypeName, material: Uint8Array): string | undefined {
  return publicKeyOf(type, material)?.export({ format: 'pem', type: 'spki' }).toString()
}

/**
 * Returns the public key of asymmetric `material` as SubjectPublicKeyInfo DER; undefined for other
 * types.
 */
export function publicKeyDer(type: KeyTypeName, material: Uint8Array): Uint8Array | undefined {
  return publicKeyOf(type, material)?.export({ format: 'der', type: 'spki' })
}

function publicKeyOf(type: KeyTypeName, material: Uint8Array): KeyObject | undefined {
  if (!KEY_TYPES[type].asymmetric) return undefined
  const key = Buffer.from(material.buffer, material.byteOffset, material.byteLength)
  return createPublicKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
}

/** Returns the unencrypted PKCS#8 DER that is stored and sent to a KMS. The caller wipes it. */
export function pkcs8(privateKey: KeyObject): Buffer {
  return privateKey.export({ format: 'der', type: 'pkcs8' })
}
