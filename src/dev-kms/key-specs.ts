import { createPrivateKey, type KeyObject } from 'node:crypto'

/** The families that AWS's rules on wrapping and aliases speak of. */
export type Family = 'symmetric' | 'hmac' | 'rsa' | 'ecc'

/** What AWS KMS knows of one KeySpec. */
export interface Spec {
  readonly family: Family
  readonly usages: readonly string[]
  /** Shortest and longest material in bytes, of symmetric and HMAC keys. */
  readonly length?: readonly [least: number, most: number]
  readonly modulusLength?: number
  /** OpenSSL's name. */
  readonly curve?: string
  readonly hash?: string
}

const rsa = (modulusLength: number): Spec => ({ family: 'rsa', usages: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'], modulusLength })
const ecc = (curve: string, hash: string, usages: readonly string[]): Spec => ({ family: 'ecc', usages, curve, hash })
const hmac = (bytes: number, hash: string): Spec => ({ family: 'hmac', usages: ['GENERATE_VERIFY_MAC'], length: [bytes, 128], hash })
const BOTH = ['SIGN_VERIFY', 'KEY_AGREEMENT']

/** By KeySpec. A Map, for the names come from outside. SM2 and ML-DSA are not here: nobody can import those. */
export const SPECS = new Map<string, Spec>([
  ['SYMMETRIC_DEFAULT', { family: 'symmetric', usages: ['ENCRYPT_DECRYPT'], length: [32, 32] }],
  ['RSA_2048', rsa(2048)],
  ['RSA_3072', rsa(3072)],
  ['RSA_4096', rsa(4096)],
  ['ECC_NIST_P256', ecc('prime256v1', 'sha256', BOTH)],
  ['ECC_NIST_P384', ecc('secp384r1', 'sha384', BOTH)],
  ['ECC_NIST_P521', ecc('secp521r1', 'sha512', BOTH)],
  ['ECC_SECG_P256K1', ecc('secp256k1', 'sha256', ['SIGN_VERIFY'])],
  ['ECC_NIST_EDWARDS25519', { family: 'ecc', usages: ['SIGN_VERIFY'] }],
  ['HMAC_224', hmac(28, 'sha224')],
  ['HMAC_256', hmac(32, 'sha256')],
  ['HMAC_384', hmac(48, 'sha384')],
  ['HMAC_512', hmac(64, 'sha512')],
])

/** The private key in PKCS#8 `material`, or undefined when it is not one that the spec takes. */
export function privateKeyOf(keySpec: string, material: Uint8Array): KeyObject | undefined {
  const spec = SPECS.get(keySpec)
  try {
    const key = createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' })
    const details = key.asymmetricKeyDetails
    if (spec?.family === 'rsa') return key.asymmetricKeyType === 'rsa' && details?.modulusLength === spec.modulusLength ? key : undefined
    if (keySpec === 'ECC_NIST_EDWARDS25519') return key.asymmetricKeyType === 'ed25519' ? key : undefined
    return key.asymmetricKeyType === 'ec' && details?.namedCurve === spec?.curve ? key : undefined
  } catch {
    return undefined
  }
}

/** Whether `material` is what a key of this spec is made of. */
export function fits(keySpec: string, material: Uint8Array): boolean {
  const length = SPECS.get(keySpec)?.length
  if (length) return material.length >= length[0] && material.length <= length[1]
  return privateKeyOf(keySpec, material) !== undefined
}
