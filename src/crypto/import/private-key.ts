import { createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import {
  KEY_TYPE_NAMES,
  KEY_TYPES,
  pkcs8,
  type KeyTypeName,
  type MaterialSpec,
} from '../key-types.js'
import { elements, encode, sequence, TAG, unsigned } from './der.js'
import { needed, type RecognisedMaterial } from './material.js'
import { invalidMaterial, pipe, wrapError } from './invalid-material.js'
import { rsaFault } from './rsa.js'
import { weakness } from './weak.js'

/**
 * Returns the material of a parsed private key after checking its type and its consistency. Node
 * checks neither that the numbers of an RSA key match, nor that an EC key has its own public point.
 * @throws KeymgmtError FIELD_INVALID if the type is not `wanted` or not supported, or the key is
 * inconsistent or weak.
 */
export function acceptPrivateKey(
  key: KeyObject,
  format: string,
  wanted: KeyTypeName | undefined,
): RecognisedMaterial {
  const type = typeOf(key)
  if (wanted !== undefined && wanted !== type) {
    throw invalidMaterial(
      `the material is an ${type} private key (${format}), but type is ${wanted}`,
      needed(wanted),
      `this key has type=${type}`,
    )
  }
  const spec = KEY_TYPES[type].material
  const der = wrapError(
    () => pkcs8(key),
    () => malformedKeyError(),
  )
  try {
    return { type, material: canonical(key, der, spec), format }
  } finally {
    der.fill(0)
  }
}

function typeOf(key: KeyObject): KeyTypeName {
  const type = KEY_TYPE_NAMES.find((name) => hasSpec(key, KEY_TYPES[name].material))
  if (type !== undefined) return type
  const [found, ...hints] = unsupportedKey(key)
  throw invalidMaterial(
    `the material is ${found}, which can't be imported`,
    ...hints,
    `a private key can be ${KEY_TYPE_NAMES.filter((name) => KEY_TYPES[name].asymmetric).join(', ')}`,
  )
}

function hasSpec(
  { asymmetricKeyType, asymmetricKeyDetails }: KeyObject,
  spec: MaterialSpec,
): boolean {
  if (spec.kind === 'rsa')
    return asymmetricKeyType === 'rsa' && asymmetricKeyDetails?.modulusLength === spec.modulusLength
  if (spec.kind === 'ec')
    return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === spec.namedCurve
  return asymmetricKeyType === spec.kind
}

const NAME_THE_CURVE = pipe('name the curve: openssl ec -in FILE -param_enc named_curve')
/** The hint for a key that is restricted to PSS. */
export const UNRESTRICT = pipe(
  'if it may be used for more than PSS: openssl rsa -in FILE -traditional -outform DER',
)

/** A description of an unsupported key, then hints. */
function unsupportedKey({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: KeyObject): readonly [found: string, ...hints: string[]] {
  switch (asymmetricKeyType) {
    case 'rsa':
      return [`an RSA private key of ${asymmetricKeyDetails?.modulusLength ?? 0} bits`]
    case 'rsa-pss':
      return ['an RSA private key restricted to PSS (id-RSASSA-PSS)', UNRESTRICT]
    case 'ec': {
      const curve = asymmetricKeyDetails?.namedCurve
      // Before Node.js 24, OpenSSL's placeholder for an unnamed curve.
      return curve === undefined || curve === 'UNDEF'
        ? ['an EC private key with explicit curve parameters', NAME_THE_CURVE]
        : [`a private key on the curve ${curve}`]
    }
    case undefined:
      return ['a private key of an algorithm that Node does not name']
    default:
      return [`a private key of the algorithm ${asymmetricKeyType}`]
  }
}

/** The material to store; `der` is Node's export of `key`. */
function canonical(key: KeyObject, der: Buffer, spec: MaterialSpec): Uint8Array {
  if (spec.kind === 'ec') return canonicalEc(key, der, spec.namedCurve)
  if (spec.kind === 'rsa') assertSoundRsa(der, spec.modulusLength)
  else assertNotWeak(der.subarray(-32))
  return new Uint8Array(der)
}

function assertSoundRsa(der: Buffer, modulusLength: number): void {
  const [version, ...numbers] = sequence(privateKeyIn(der)) ?? []
  if (version?.content[0] !== 0) throw multiPrimeError()
  const [n = 0n, e = 0n, d = 0n, p = 0n, q = 0n, dp = 0n, dq = 0n, qi = 0n] = numbers.map(
    ({ content }) => unsigned(content),
  )
  const fault = rsaFault({ n, e, d, p, q, dp, dq, qi }, modulusLength)
  if (fault !== undefined)
    throw invalidMaterial(
      `the RSA private key is not sound: ${fault}`,
      'use another copy of the key if this one is damaged; otherwise replace the key',
    )
}

/**
 * Rebuilds the key from its private scalar, with its uncompressed public point: files omit the
 * point, compress it, or contain the point of another key.
 */
function canonicalEc(key: KeyObject, der: Buffer, namedCurve: string): Uint8Array {
  const [, algorithm] = sequence(der) ?? []
  const [, curve] = elements(algorithm?.content ?? new Uint8Array()) ?? []
  if (curve?.tag !== TAG.OID)
    throw invalidMaterial(
      'the material is an EC private key with explicit curve parameters, and a named curve is needed',
      NAME_THE_CURVE,
    )
  const [version, scalar] = sequence(privateKeyIn(der)) ?? []
  if (!version || !scalar) throw malformedKeyError()
  assertNotWeak(scalar.content)

  const ecdh = createECDH(namedCurve)
  wrapError(
    () => {
      ecdh.setPrivateKey(scalar.content)
    },
    () => invalidMaterial('the EC private key is not a number that its curve allows', ANOTHER_COPY),
  )
  const point = encode(TAG.CONTEXT_1, encode(TAG.BIT_STRING, Uint8Array.of(0), ecdh.getPublicKey()))
  const sec1 = encode(
    TAG.SEQUENCE,
    version.whole,
    scalar.whole,
    encode(TAG.CONTEXT_0, curve.whole),
    point,
  )
  try {
    const made = createPrivateKey({ key: sec1, format: 'der', type: 'sec1' })
    if (!createPublicKey(made).equals(createPublicKey(key))) throw publicKeyMismatchError()
    return pkcs8(made)
  } finally {
    sec1.fill(0)
  }
}

/** The content of the OCTET STRING privateKey of a PKCS#8 key (RFC 5208 section 5). */
function privateKeyIn(der: Uint8Array): Uint8Array {
  const [, , octets] = sequence(der) ?? []
  if (!octets) throw malformedKeyError()
  return octets.content
}

function assertNotWeak(secret: Uint8Array): void {
  const found = weakness(secret)
  if (found !== undefined)
    throw invalidMaterial(
      `the private key is weak: its secret is ${found}`,
      'import a key that was generated at random',
    )
}

const ANOTHER_COPY =
  'the file is damaged, or a faulty program created it; use another copy of the key'

/** An RSA key with three primes or more (RFC 8017 section 3.2). */
export function multiPrimeError() {
  return invalidMaterial(
    'the RSA private key has more than two primes',
    'AWS KMS accepts two; such a key can only be replaced, not converted',
  )
}

/** The file's public key does not belong to its private key. */
export function publicKeyMismatchError() {
  return invalidMaterial(
    'the public key in the file does not belong to the private key',
    ANOTHER_COPY,
  )
}

/** The structure of the private key is recognised, but its content is invalid. */
export function malformedKeyError() {
  return invalidMaterial('the private key is malformed', ANOTHER_COPY)
}
