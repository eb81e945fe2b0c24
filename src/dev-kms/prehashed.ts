import {
  constants,
  createECDH,
  createHash,
  privateEncrypt,
  publicDecrypt,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'
import { encode, encodeInteger, elements, TAG } from './der.js'
import { scalarOf } from './private-keys.js'

// node:crypto hashes what it signs; it has no way to be given the digest. MessageType DIGEST needs
// one, so the padding (RFC 8017) and the arithmetic around the curve (FIPS 186-5) are here, and RSA
// and the curve are OpenSSL's.

/** DigestInfo up to the digest, RFC 8017 section 9.2. */
const DIGEST_INFO: Readonly<Record<string, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
}

function digestInfo(hash: string, digest: Buffer): Buffer {
  return Buffer.concat([Buffer.from(DIGEST_INFO[hash] ?? '', 'hex'), digest])
}

/** RSASSA-PKCS1-v1_5 over a digest. */
export function signPkcs1(key: KeyObject, hash: string, digest: Buffer): Buffer {
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(hash, digest))
}

function equal(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

/** There is one signature for each digest, so it need only be made again. */
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

/** M' of RFC 8017 section 9.1, hashed. */
function saltedHash(hash: string, digest: Buffer, salt: Buffer): Buffer {
  return createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest()
}

/**
 * The modulus is a multiple of 8 bits, so the encoded message is one bit shorter than its bytes.
 */
const clearFirstBit = (bytes: Buffer) => {
  bytes[0] = (bytes[0] ?? 0) & 0x7f
}

/** RSASSA-PSS over a digest, with a salt as long as it: MGF1 by the same hash. */
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

/** Whether it is such a signature, of a salt of that length. */
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

/** The order of each curve's group. */
const ORDERS: Readonly<Record<string, bigint>> = {
  prime256v1: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  secp256k1: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  secp384r1:
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  secp521r1:
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
}

const toNumber = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`)
const toBytes = (value: bigint, size: number) =>
  Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex')
const sizeOf = (order: bigint) => Math.ceil(order.toString(2).length / 8)
const modulo = (value: bigint, order: bigint) => ((value % order) + order) % order

/** `base` to the power of `order - 2`: the inverse, for the orders are primes. */
function inverse(base: bigint, order: bigint): bigint {
  let [result, square] = [1n, base % order]
  for (let exponent = order - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * square) % order
    square = (square * square) % order
  }
  return result
}

/** The abscissa of `scalar` times the base point. */
function abscissa(curve: string, scalar: bigint, order: bigint): bigint {
  const point = createECDH(curve)
  point.setPrivateKey(toBytes(scalar, sizeOf(order)))
  return modulo(toNumber(point.getPublicKey().subarray(1, 1 + sizeOf(order))), order)
}

function randomScalar(order: bigint): bigint {
  // Eight bytes more than needed make what the remainder favours too little to see.
  return 1n + (toNumber(randomBytes(sizeOf(order) + 8)) % (order - 1n))
}

/**
 * ECDSA over a digest, which is never longer than the order of the curve that goes with it; DER.
 */
export function signEcdsa(key: KeyObject, curve: string, digest: Buffer): Buffer {
  const order = ORDERS[curve] ?? 0n
  const secret = toNumber(scalarOf(key))
  for (;;) {
    const k = randomScalar(order)
    const r = abscissa(curve, k, order)
    const s = modulo(inverse(k, order) * (toNumber(digest) + r * secret), order)
    if (r === 0n || s === 0n) continue
    return encode(
      TAG.SEQUENCE,
      encodeInteger(toBytes(r, sizeOf(order))),
      encodeInteger(toBytes(s, sizeOf(order))),
    )
  }
}

/**
 * Whoever has the private key can turn the two points of a verification into one multiple of the
 * base point.
 */
export function verifyEcdsa(
  key: KeyObject,
  curve: string,
  digest: Buffer,
  signature: Buffer,
): boolean {
  const order = ORDERS[curve] ?? 0n
  const pair = readSignature(signature)
  if (!pair) return false
  const [r, s] = pair
  if (r <= 0n || s <= 0n || r >= order || s >= order) return false
  const scalar = modulo(inverse(s, order) * (toNumber(digest) + r * toNumber(scalarOf(key))), order)
  return scalar !== 0n && abscissa(curve, scalar, order) === r
}

/** The two numbers of a DER signature, when it is one. */
function readSignature(signature: Buffer): readonly [r: bigint, s: bigint] | undefined {
  try {
    const [outer, ...behind] = elements(signature)
    const numbers = elements(outer?.content ?? Buffer.alloc(0))
    const [r, s] = numbers
    if (outer?.tag !== TAG.SEQUENCE || behind.length > 0 || numbers.length !== 2 || !r || !s)
      return undefined
    // The shortest form, of numbers that are not negative.
    const whole = numbers.every(
      ({ tag, content, whole: all }) =>
        tag === TAG.INTEGER && (content[0] ?? 0x80) < 0x80 && encodeInteger(content).equals(all),
    )
    return whole ? [toNumber(r.content), toNumber(s.content)] : undefined
  } catch {
    return undefined
  }
}
