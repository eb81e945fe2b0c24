/** The families of key specs that AWS's rules on wrapping, aliases and quotas distinguish. */
export type Family = 'symmetric' | 'hmac' | 'rsa' | 'ecc'

/** The properties of one KeySpec. */
export interface Spec {
  readonly family: Family
  readonly usages: readonly string[]
  /** Minimum and maximum length of material in bytes, for symmetric and HMAC keys. */
  readonly length?: readonly [least: number, most: number]
  readonly modulusLength?: number
  /** OpenSSL's name. */
  readonly curve?: string
  readonly hash?: string
}

const rsa = (modulusLength: number): Spec => ({
  family: 'rsa',
  usages: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'],
  modulusLength,
})
const ecc = (curve: string, hash: string, usages: readonly string[]): Spec => ({
  family: 'ecc',
  usages,
  curve,
  hash,
})
const hmac = (bytes: number, hash: string): Spec => ({
  family: 'hmac',
  usages: ['GENERATE_VERIFY_MAC'],
  length: [bytes, 128],
  hash,
})
const BOTH = ['SIGN_VERIFY', 'KEY_AGREEMENT']

/**
 * By KeySpec. A Map, because requests contain the names. SM2, ML-DSA and ML-KEM are missing:
 * Node.js 20 does not support them.
 */
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

/** In China Regions, symmetric keys are SM4 keys of 16 bytes. */
const CHINESE_LENGTH = [16, 16] as const

/**
 * Minimum and maximum length in bytes of symmetric or HMAC material in this Region; undefined for
 * private keys.
 */
export function materialLength(
  spec: Spec,
  region: string,
): readonly [least: number, most: number] | undefined {
  return spec.family === 'symmetric' && region.startsWith('cn-') ? CHINESE_LENGTH : spec.length
}

const RSA_SIGNING = ['RSASSA_PKCS1_V1_5', 'RSASSA_PSS'].flatMap((scheme) =>
  ['256', '384', '512'].map((bits) => `${scheme}_SHA_${bits}`),
)

/**
 * By KeyUsage: the member of DescribeKey and GetPublicKey that lists the algorithms, and the
 * algorithms.
 */
const ALGORITHMS: Readonly<
  Record<string, readonly [member: string, of: (spec: Spec, keySpec: string) => readonly string[]]>
> = {
  ENCRYPT_DECRYPT: [
    'EncryptionAlgorithms',
    ({ family }) =>
      family === 'rsa' ? ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] : ['SYMMETRIC_DEFAULT'],
  ],
  SIGN_VERIFY: [
    'SigningAlgorithms',
    ({ family, hash }) => {
      if (family === 'rsa') return RSA_SIGNING
      return hash === undefined
        ? ['ED25519_PH_SHA_512', 'ED25519_SHA_512']
        : [`ECDSA_SHA_${hash.slice(3)}`]
    },
  ],
  GENERATE_VERIFY_MAC: [
    'MacAlgorithms',
    (_spec, keySpec) => [keySpec.replace('HMAC_', 'HMAC_SHA_')],
  ],
  KEY_AGREEMENT: ['KeyAgreementAlgorithms', () => ['ECDH']],
}

interface Typed {
  readonly spec: Spec
  readonly keySpec: string
  readonly usage: string
}

/** The algorithms that the key supports. */
export function algorithmsOf({ spec, keySpec, usage }: Typed): readonly string[] {
  return ALGORITHMS[usage]?.[1](spec, keySpec) ?? []
}

/** The member of a reply that lists them. */
export function algorithmsMember(key: Typed): Readonly<Record<string, readonly string[]>> {
  const member = ALGORITHMS[key.usage]?.[0]
  return member === undefined ? {} : { [member]: algorithmsOf(key) }
}
