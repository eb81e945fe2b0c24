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
import { orRefuse, refusal } from './refusal.js'
import { rsaFault } from './rsa.js'
import { weakness } from './weak.js'

/**
 * The material of a private key that Node has parsed, held against a key type and proven sound:
 * Node itself checks neither that the numbers of an RSA key belong together, nor that an EC key's
 * public point is its own.
 * @throws KeymgmtError FIELD_INVALID when it is of another type than `wanted`, of none of ours,
 * inconsistent or weak.
 */
export function acceptPrivateKey(
  key: KeyObject,
  format: string,
  wanted: KeyTypeName | undefined,
): RecognisedMaterial {
  const type = typeOf(key)
  if (wanted !== undefined && wanted !== type) {
    throw refusal(
      `the material is an ${type} private key (${format}), and type says ${wanted}`,
      needed(wanted),
      `this key has type=${type}`,
    )
  }
  const spec = KEY_TYPES[type].material
  const der = orRefuse(
    () => pkcs8(key),
    () => damaged(),
  )
  try {
    return { type, material: canonical(key, der, spec), format }
  } finally {
    der.fill(0)
  }
}

function typeOf(key: KeyObject): KeyTypeName {
  const type = KEY_TYPE_NAMES.find((name) => isOf(key, KEY_TYPES[name].material))
  if (type !== undefined) return type
  const [found, ...hints] = describe(key)
  throw refusal(
    `the material is ${found}, which can't be imported`,
    ...hints,
    `private keys can be ${KEY_TYPE_NAMES.filter((name) => KEY_TYPES[name].asymmetric).join(', ')}`,
  )
}

function isOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject, spec: MaterialSpec): boolean {
  if (spec.kind === 'rsa')
    return asymmetricKeyType === 'rsa' && asymmetricKeyDetails?.modulusLength === spec.modulusLength
  if (spec.kind === 'ec')
    return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === spec.namedCurve
  return asymmetricKeyType === spec.kind
}

const NAME_THE_CURVE =
  'name the curve: openssl ec -in key.pem -param_enc named_curve -out named.pem'
/** The way out of a key that is restricted to PSS. */
export const UNRESTRICT =
  'if it may be used for more than PSS: openssl rsa -in key.pem -traditional -outform DER | openssl rsa -inform DER -out rsa.pem'

/** A key of no type of ours, by names that Node has, then hints. */
function describe({
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
      // Node.js before 24 has OpenSSL's word for no name.
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

/** The bytes to keep; `der` is what Node exports for `key`. */
function canonical(key: KeyObject, der: Buffer, spec: MaterialSpec): Uint8Array {
  if (spec.kind === 'ec') return canonicalEc(key, der, spec.namedCurve)
  if (spec.kind === 'rsa') assertSoundRsa(der, spec.modulusLength)
  else assertNotWeak(der.subarray(-32))
  return new Uint8Array(der)
}

function assertSoundRsa(der: Buffer, modulusLength: number): void {
  const [version, ...numbers] = sequence(privateKeyIn(der)) ?? []
  if (version?.content[0] !== 0) throw morePrimes()
  const [n = 0n, e = 0n, d = 0n, p = 0n, q = 0n, dp = 0n, dq = 0n, qi = 0n] = numbers.map(
    ({ content }) => unsigned(content),
  )
  const fault = rsaFault({ n, e, d, p, q, dp, dq, qi }, modulusLength)
  if (fault !== undefined)
    throw refusal(
      `the RSA private key is not sound: ${fault}`,
      'use another copy of the key if this one is damaged; otherwise replace the key',
    )
}

/**
 * The key made again from its private scalar alone, with the public point that belongs to it,
 * uncompressed: files leave the point out, compress it, or have that of another key.
 */
function canonicalEc(key: KeyObject, der: Buffer, namedCurve: string): Uint8Array {
  const [, algorithm] = sequence(der) ?? []
  const [, curve] = elements(algorithm?.content ?? new Uint8Array()) ?? []
  if (curve?.tag !== TAG.OID)
    throw refusal(
      'the material is an EC private key with explicit curve parameters, and a named curve is needed',
      NAME_THE_CURVE,
    )
  const [version, scalar] = sequence(privateKeyIn(der)) ?? []
  if (!version || !scalar) throw damaged()
  assertNotWeak(scalar.content)

  const ecdh = createECDH(namedCurve)
  orRefuse(
    () => {
      ecdh.setPrivateKey(scalar.content)
    },
    () => refusal('the EC private key is not a number that its curve allows', ANOTHER_COPY),
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
    if (!createPublicKey(made).equals(createPublicKey(key))) throw halvesDiffer()
    return pkcs8(made)
  } finally {
    sec1.fill(0)
  }
}

/** The content of the OCTET STRING privateKey of a PKCS#8 key (RFC 5208 section 5). */
function privateKeyIn(der: Uint8Array): Uint8Array {
  const [, , octets] = sequence(der) ?? []
  if (!octets) throw damaged()
  return octets.content
}

function assertNotWeak(secret: Uint8Array): void {
  const found = weakness(secret)
  if (found !== undefined)
    throw refusal(
      `the private key is weak: its secret is ${found}`,
      'import a key that was generated at random',
    )
}

const ANOTHER_COPY =
  'the file is damaged or was made by a faulty program; use another copy of the key'

/** An RSA key with three primes or more (RFC 8017 section 3.2). */
export function morePrimes() {
  return refusal(
    'the RSA private key has more than two primes',
    'AWS KMS takes two; such a key can only be replaced, not converted',
  )
}

/** A private key whose public half, as it came with it, is that of another key. */
export function halvesDiffer() {
  return refusal(
    'the public half that came with the private key belongs to another key',
    ANOTHER_COPY,
  )
}

/** A private key that could be told apart but not read. */
export function damaged() {
  return refusal('the private key is malformed', ANOTHER_COPY)
}
