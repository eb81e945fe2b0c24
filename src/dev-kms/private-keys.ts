import {
  checkPrimeSync,
  createECDH,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { elements, encode, TAG, type Element } from './der.js'
import { materialLength, SPECS, type Spec } from './key-specs.js'

const RSA_EXPONENT = 65_537n

/** Opens material in PKCS#8 DER that {@link isImportable} accepted. */
export function openPrivateKey(material: Buffer): KeyObject {
  return createPrivateKey({ key: material, format: 'der', type: 'pkcs8' })
}

/**
 * True if AWS accepts `material` for a key of this spec in this Region: raw bytes of the required
 * length, or an unencrypted private key in PKCS#8 DER (RFC 5208). An RSA key must have two primes,
 * exponent 65537 and consistent numbers; an EC key must be on a named curve.
 */
export function isImportable(keySpec: string, region: string, material: Buffer): boolean {
  const spec = SPECS.get(keySpec)
  if (!spec) return false
  const length = materialLength(spec, region)
  if (length) return material.length >= length[0] && material.length <= length[1]
  try {
    const [, algorithm, inner] = pkcs8(material)
    const key = openPrivateKey(material)
    return spec.family === 'rsa'
      ? isImportableRsa(spec, key, inner)
      : isImportableCurve(spec, key, algorithm, inner)
  } catch {
    return false
  }
}

/**
 * The three parts of a PrivateKeyInfo of version 0. Attributes are refused, and so is the public
 * key of a OneAsymmetricKey (RFC 5958).
 */
function pkcs8(material: Buffer): readonly [version: Element, algorithm: Element, inner: Element] {
  const [outer, ...behind] = elements(material)
  if (outer?.tag !== TAG.SEQUENCE || behind.length > 0) throw new Error('not one sequence')
  const [version, algorithm, inner, ...more] = elements(outer.content)
  if (!version || !algorithm || inner?.tag !== TAG.OCTET_STRING || more.length > 0)
    throw new Error('not a PrivateKeyInfo')
  if (!version.content.equals(Buffer.of(0)) || algorithm.tag !== TAG.SEQUENCE)
    throw new Error('another version')
  return [version, algorithm, inner]
}

function isImportableRsa({ modulusLength }: Spec, key: KeyObject, inner: Element): boolean {
  const details = key.asymmetricKeyDetails
  // AWS KMS is not known to accept other exponents, and a key that works here must work in AWS.
  return (
    key.asymmetricKeyType === 'rsa' &&
    details?.modulusLength === modulusLength &&
    details?.publicExponent === RSA_EXPONENT &&
    isConsistentRsa(inner)
  )
}

/**
 * True if the numbers of a two-prime RSAPrivateKey (RFC 8017 appendix A.1.2) are consistent.
 * OpenSSL tolerates inconsistent ones.
 */
function isConsistentRsa(inner: Element): boolean {
  const numbers = elements(elements(inner.content)[0]?.content ?? Buffer.alloc(0)).map(
    ({ content }) => BigInt(`0x${content.toString('hex')}`),
  )
  const [version = 1n, n = 0n, e = 0n, d = 0n, p = 0n, q = 0n, dp = 0n, dq = 0n, inverse = 0n] =
    numbers
  return (
    numbers.length === 9 &&
    version === 0n &&
    p !== q &&
    p * q === n &&
    checkPrimeSync(p) &&
    checkPrimeSync(q) &&
    (d * e) % (p - 1n) === 1n &&
    (d * e) % (q - 1n) === 1n &&
    dp === d % (p - 1n) &&
    dq === d % (q - 1n) &&
    (inverse * q) % p === 1n
  )
}

function isImportableCurve(
  { curve }: Spec,
  key: KeyObject,
  algorithm: Element,
  inner: Element,
): boolean {
  if (curve === undefined) return key.asymmetricKeyType === 'ed25519'
  const parameters = elements(algorithm.content)[1]
  if (
    key.asymmetricKeyType !== 'ec' ||
    key.asymmetricKeyDetails?.namedCurve !== curve ||
    parameters?.tag !== TAG.OID
  )
    return false
  const within = elements(elements(inner.content)[0]?.content ?? Buffer.alloc(0))
  // RFC 5915 lets a key repeat the curve in [0]: also only as a name.
  const repeated = within.find(({ tag }) => tag === 0xa0)
  if (repeated && elements(repeated.content)[0]?.tag !== TAG.OID) return false
  const probe = Buffer.from('keymgmt dev')
  return verify('sha256', probe, createPublicKey(key), sign('sha256', probe, key))
}

/** The private scalar of an EC key, big-endian, as long as the curve's field. */
export function scalarOf(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')
}

/** The public key in SubjectPublicKeyInfo DER, with an uncompressed point for EC keys. */
export function publicKeyDer(spec: Spec, material: Buffer): Buffer {
  const key = openPrivateKey(material)
  if (spec.curve === undefined) return createPublicKey(key).export({ format: 'der', type: 'spki' })
  const point = createECDH(spec.curve)
  point.setPrivateKey(scalarOf(key))
  const [, algorithm] = pkcs8(material)
  return encode(TAG.SEQUENCE, algorithm.whole, encode(0x03, Buffer.of(0), point.getPublicKey()))
}
