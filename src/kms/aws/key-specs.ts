import type { KeySpec, KeyUsageType, MacAlgorithmSpec } from '@aws-sdk/client-kms'
import { KEY_TYPE_NAMES, type KeyTypeName } from '../../crypto/key-types.js'
import type { WrappingAlgorithm } from '../../crypto/wrap.js'
import { KeymgmtError } from '../../errors.js'
import type { Protection, Purpose } from '../kms-key.js'
import { partitionOf } from '../../aws/partition.js'

/** One of our key types in AWS KMS. */
interface AwsKeyType {
  readonly keySpec: KeySpec
  /**
   * AWS documents OAEP for symmetric and HMAC material only, and requires the AES key wrap for RSA.
   * Emulators accept other choices and don't detect an error in this table.
   */
  readonly wrapping: WrappingAlgorithm
  /** Its possible usages. A KMS key has one usage, which includes all of its purposes. */
  readonly usages: readonly AwsUsage[]
  readonly mac?: AwsMac
}

/** The algorithm of a MAC, and its name in OpenSSL. */
interface AwsMac {
  readonly algorithm: MacAlgorithmSpec
  readonly hash: string
}

interface AwsUsage {
  readonly keyUsage: KeyUsageType
  readonly purpose: readonly Purpose[]
}

const ENCRYPT: AwsUsage = { keyUsage: 'ENCRYPT_DECRYPT', purpose: ['decrypt', 'encrypt'] }
const SIGN: AwsUsage = { keyUsage: 'SIGN_VERIFY', purpose: ['sign', 'verify'] }
const MAC: AwsUsage = { keyUsage: 'GENERATE_VERIFY_MAC', purpose: ['sign', 'verify'] }
const AGREE: AwsUsage = { keyUsage: 'KEY_AGREEMENT', purpose: ['derive'] }

const OAEP = 'RSAES_OAEP_SHA_256'
const AES_WRAP = 'RSA_AES_KEY_WRAP_SHA_256'

/** @see https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-conceptual.html */
const AWS_KEY_TYPES: Readonly<Record<KeyTypeName, AwsKeyType>> = {
  'aes256-gcm96': { keySpec: 'SYMMETRIC_DEFAULT', wrapping: OAEP, usages: [ENCRYPT] },
  'rsa-2048': { keySpec: 'RSA_2048', wrapping: AES_WRAP, usages: [ENCRYPT, SIGN] },
  'rsa-3072': { keySpec: 'RSA_3072', wrapping: AES_WRAP, usages: [ENCRYPT, SIGN] },
  'rsa-4096': { keySpec: 'RSA_4096', wrapping: AES_WRAP, usages: [ENCRYPT, SIGN] },
  'ecdsa-p256': { keySpec: 'ECC_NIST_P256', wrapping: AES_WRAP, usages: [SIGN, AGREE] },
  'ecdsa-p384': { keySpec: 'ECC_NIST_P384', wrapping: AES_WRAP, usages: [SIGN, AGREE] },
  'ecdsa-p521': { keySpec: 'ECC_NIST_P521', wrapping: AES_WRAP, usages: [SIGN, AGREE] },
  'ecdsa-secp256k1': { keySpec: 'ECC_SECG_P256K1', wrapping: AES_WRAP, usages: [SIGN] },
  ed25519: { keySpec: 'ECC_NIST_EDWARDS25519', wrapping: AES_WRAP, usages: [SIGN] },
  'hmac-sha224': {
    keySpec: 'HMAC_224',
    wrapping: OAEP,
    usages: [MAC],
    mac: { algorithm: 'HMAC_SHA_224', hash: 'sha224' },
  },
  'hmac-sha256': {
    keySpec: 'HMAC_256',
    wrapping: OAEP,
    usages: [MAC],
    mac: { algorithm: 'HMAC_SHA_256', hash: 'sha256' },
  },
  'hmac-sha384': {
    keySpec: 'HMAC_384',
    wrapping: OAEP,
    usages: [MAC],
    mac: { algorithm: 'HMAC_SHA_384', hash: 'sha384' },
  },
  'hmac-sha512': {
    keySpec: 'HMAC_512',
    wrapping: OAEP,
    usages: [MAC],
    mac: { algorithm: 'HMAC_SHA_512', hash: 'sha512' },
  },
}

/**
 * Returns the wrapping algorithm for material of this type in the Region. The China Regions have no
 * AES key wrap.
 */
export function wrappingFor(type: KeyTypeName, region: string): WrappingAlgorithm {
  return isChina(region) ? OAEP : AWS_KEY_TYPES[type].wrapping
}

/**
 * Returns the operation that proves whether a KMS key of this type has our material; undefined for
 * symmetric types, which offer no proof.
 */
export function proofFor(type: KeyTypeName): 'GetPublicKey' | 'GenerateMac' | undefined {
  if (AWS_KEY_TYPES[type].mac) return 'GenerateMac'
  return AWS_KEY_TYPES[type].wrapping === AES_WRAP ? 'GetPublicKey' : undefined
}

/** Returns the MAC algorithm of a KMS key of this type; undefined for other types. */
export function macFor(type: KeyTypeName): AwsMac | undefined {
  return AWS_KEY_TYPES[type].mac
}

/**
 * Returns the KeySpec and KeyUsage of a KMS key for this type and these purposes, in any order.
 * @throws KeymgmtError UNSUPPORTED_BY_KMS with the purposes that the type can have.
 */
export function keySpecFor(
  type: KeyTypeName,
  purpose: readonly Purpose[],
): { KeySpec: KeySpec; KeyUsage: KeyUsageType } {
  const { keySpec, usages } = AWS_KEY_TYPES[type]
  const wanted = [...purpose].sort().join(',')
  const usage = usages.find((candidate) => candidate.purpose.join(',') === wanted)
  if (usage) return { KeySpec: keySpec, KeyUsage: usage.keyUsage }
  const offered = usages.map((candidate) => `purpose=${candidate.purpose.join(',')}`).join(' or ')
  throw new KeymgmtError(
    'UNSUPPORTED_BY_KMS',
    `AWS KMS has no ${type} key with purpose=${wanted}`,
    {
      hints: [`a key of type ${type} can have ${offered}`],
    },
  )
}

/**
 * Returns the key type and purposes for AWS's KeySpec and KeyUsage; undefined if keymgmt has no
 * such type.
 */
export function kindFor(
  keySpec: string | undefined,
  keyUsage: string | undefined,
): { type: KeyTypeName; purpose: readonly Purpose[] } | undefined {
  const type = KEY_TYPE_NAMES.find((name) => AWS_KEY_TYPES[name].keySpec === keySpec)
  const usage =
    type && AWS_KEY_TYPES[type].usages.find((candidate) => candidate.keyUsage === keyUsage)
  return usage && { type, purpose: usage.purpose }
}

/**
 * Key specs that AWS KMS does not import in the China Regions, with the reason.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-conceptual.html
 */
const NOT_IN_CHINA: Readonly<Partial<Record<KeySpec, string>>> = {
  SYMMETRIC_DEFAULT: 'symmetric KMS keys there are SM4 with 16 bytes of material',
  RSA_2048: 'RSA material must be wrapped with SM2PKE there',
  RSA_3072: 'RSA material must be wrapped with SM2PKE there',
  RSA_4096: 'RSA material must be wrapped with SM2PKE there',
}

function isChina(region: string): boolean {
  return partitionOf(region) === 'aws-cn'
}

/**
 * @throws KeymgmtError UNSUPPORTED_BY_KMS unless AWS KMS has such keys in the Region.
 */
export function assertSupported(
  type: KeyTypeName,
  purpose: readonly Purpose[],
  protection: Protection,
  region: string,
): void {
  const { KeySpec: spec } = keySpecFor(type, purpose)
  const lacking = isChina(region) ? NOT_IN_CHINA[spec] : undefined
  if (lacking !== undefined) {
    throw new KeymgmtError(
      'UNSUPPORTED_BY_KMS',
      `keys of type ${type} can't be imported in ${region}: ${lacking}`,
      {
        hints: ['use a Region outside China, or a key of another type'],
      },
    )
  }
  if (protection !== 'hsm') {
    throw new KeymgmtError('UNSUPPORTED_BY_KMS', `AWS KMS has no protection=${protection}`, {
      hints: ['every AWS KMS key is kept in an HSM: use protection=hsm, or leave it out'],
    })
  }
}

/** @throws KeymgmtError UNSUPPORTED_BY_KMS unless AWS KMS rotates such keys in place. */
export function assertRotatable(type: KeyTypeName): void {
  if (AWS_KEY_TYPES[type].keySpec === 'SYMMETRIC_DEFAULT') return
  throw new KeymgmtError(
    'UNSUPPORTED_BY_KMS',
    `keys of type ${type} can't be rotated in place: only symmetric KMS keys can have several materials`,
    { hints: ['use rotation=alias, or leave it out: each version then gets its own KMS key'] },
  )
}
