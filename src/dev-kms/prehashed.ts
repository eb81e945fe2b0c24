import {
  constants,
  createHash,
  privateEncrypt,
  publicDecrypt,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'
import type { ECDSA } from '@noble/curves/abstract/weierstrass.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { scalarOf } from './private-keys.js'

// Signatures of a digest (MessageType DIGEST). node:crypto only signs messages, which it hashes
// itself. Therefore this file pads digests for OpenSSL's RSA (RFC 8017), and ECDSA comes from
// @noble/curves.

/** The part of a DigestInfo before the digest, from RFC 8017 section 9.2. */
const DIGEST_INFO: Readonly<Record<string, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
}

function digestInfo(hash: string, digest: Buffer): Buffer {
  return Buffer.concat([Buffer.from(DIGEST_INFO[hash] ?? '', 'hex'), digest])
}

/** Signs a digest with RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2). */
export function signPkcs1(key: KeyObject, hash: string, digest: Buffer): Buffer {
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(hash, digest))
}

function equal(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Verifies by signing again: the scheme is deterministic. */
export function verifyPkcs1(
  key: KeyObject,
  hash: string,
  digest: Buffer,
  signature: Buffer,
): boolean {
  return equal(signPkcs1(key, hash, digest), signature)
}

function mgf1(hash: string, seed: Buffer, length: number): Buffer {
  const blocks: Buffer[] = []
  for (let made = 0, counter = 0; made < length; counter++) {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const block = createHash(hash).update(seed).update(count).digest()
    blocks.push(block)
    made += block.length
  }
  return Buffer.concat(blocks).subarray(0, length)
}

const xor = (one: Buffer, other: Buffer) =>
  Buffer.from(one.map((byte, index) => byte ^ (other[index] ?? 0)))

/** The hash of M' in RFC 8017 section 9.1. */
function saltedHash(hash: string, digest: Buffer, salt: Buffer): Buffer {
  return createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest()
}

/**
 * The encoded message is one bit shorter than the modulus, whose length is a multiple of 8 bits.
 */
const clearFirstBit = (bytes: Buffer) => {
  bytes[0] = (bytes[0] ?? 0) & 0x7f
}

/**
 * Signs a digest with RSASSA-PSS (RFC 8017 section 8.1): a salt as long as the digest, and MGF1
 * with the same hash.
 */
export function signPss(key: KeyObject, hash: string, digest: Buffer): Buffer {
  const size = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  const salt = randomBytes(digest.length)
  const h = saltedHash(hash, digest, salt)
  const db = Buffer.concat([Buffer.alloc(size - 2 * digest.length - 2), Buffer.of(1), salt])
  const masked = xor(db, mgf1(hash, h, db.length))
  clearFirstBit(masked)
  return privateEncrypt(
    { key, padding: constants.RSA_NO_PADDING },
    Buffer.concat([masked, h, Buffer.of(0xbc)]),
  )
}

/** Verifies an RSASSA-PSS signature whose salt is as long as the digest. */
export function verifyPss(
  key: KeyObject,
  hash: string,
  digest: Buffer,
  signature: Buffer,
): boolean {
  const size = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  if (signature.length !== size) return false
  let encoded: Buffer
  try {
    encoded = publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature)
  } catch {
    return false
  }
  const h = encoded.subarray(-1 - digest.length, -1)
  const masked = encoded.subarray(0, -1 - digest.length)
  const db = xor(masked, mgf1(hash, h, masked.length))
  clearFirstBit(db)
  const head = Buffer.concat([Buffer.alloc(size - 2 * digest.length - 2), Buffer.of(1)])
  if (
    encoded.at(-1) !== 0xbc ||
    ((encoded[0] ?? 0) & 0x80) !== 0 ||
    !db.subarray(0, head.length).equals(head)
  )
    return false
  return equal(saltedHash(hash, digest, db.subarray(head.length)), h)
}

const CURVES: Readonly<Record<string, ECDSA>> = {
  prime256v1: p256,
  secp256k1,
  secp384r1: p384,
  secp521r1: p521,
}

function curveOf(name: string): ECDSA {
  const curve = CURVES[name]
  if (!curve) throw new Error(`unknown curve ${name}`)
  return curve
}

/** AWS KMS returns and accepts both possible values of `s`. */
const DIGEST_TO_DER = { prehash: false, format: 'der', lowS: false } as const

/** Signs a digest with ECDSA. Returns DER, and a different signature on every call, as AWS does. */
export function signEcdsa(key: KeyObject, curve: string, digest: Buffer): Buffer {
  const options = { ...DIGEST_TO_DER, extraEntropy: true }
  return Buffer.from(curveOf(curve).sign(digest, scalarOf(key), options))
}

/** Verifies an ECDSA signature in DER. Returns false if it is not DER. */
export function verifyEcdsa(
  key: KeyObject,
  curve: string,
  digest: Buffer,
  signature: Buffer,
): boolean {
  const ecdsa = curveOf(curve)
  return ecdsa.verify(signature, digest, ecdsa.getPublicKey(scalarOf(key)), DIGEST_TO_DER)
}
