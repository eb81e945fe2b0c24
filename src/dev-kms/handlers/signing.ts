import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  sign,
  timingSafeEqual,
  verify,
  type KeyObject,
} from 'node:crypto'
import { AwsError, invalid, unsupported } from '../errors.js'
import { invalidUsage, openKeyOrAlias, openKeyForUse } from '../find.js'
import { type Context, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { algorithmsMember } from '../key-specs.js'
import { signEcdsa, signPkcs1, signPss, verifyEcdsa, verifyPkcs1, verifyPss } from '../prehashed.js'
import type { Key } from '../state.js'
import {
  assertAlgorithm,
  assertGrantTokens,
  materialOf,
  privateKeyOf,
  recordUse,
  use,
} from './use.js'

/** A signature scheme, for messages (OpenSSL hashes them) and for digests. */
interface Scheme {
  sign(key: KeyObject, hash: string, message: Buffer, digest: boolean, curve: string): Buffer
  verify(
    key: KeyObject,
    hash: string,
    message: Buffer,
    digest: boolean,
    curve: string,
    signature: Buffer,
  ): boolean
}

interface Padding {
  readonly padding?: number
  readonly saltLength?: number
  readonly dsaEncoding?: 'der'
}

const ofMessage = (padding: (hash: string) => Padding) => ({
  sign: (key: KeyObject, hash: string, message: Buffer) =>
    sign(hash, message, { key, ...padding(hash) }),
  verify: (key: KeyObject, hash: string, message: Buffer, signature: Buffer) =>
    verify(hash, message, { key: createPublicKey(key), ...padding(hash) }, signature),
})

const PSS = ofMessage((hash) => ({
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: createHash(hash).digest().length,
}))
const PKCS1 = ofMessage(() => ({ padding: constants.RSA_PKCS1_PADDING }))
const ECDSA = ofMessage(() => ({ dsaEncoding: 'der' }))

/** AWS's parameters: a PSS salt as long as the digest, and ECDSA signatures in DER. */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  RSASSA_PSS: {
    sign: (key, hash, message, digest) =>
      digest ? signPss(key, hash, message) : PSS.sign(key, hash, message),
    verify: (key, hash, message, digest, _curve, signature) =>
      digest ? verifyPss(key, hash, message, signature) : PSS.verify(key, hash, message, signature),
  },
  RSASSA_PKCS1_V1_5: {
    sign: (key, hash, message, digest) =>
      digest ? signPkcs1(key, hash, message) : PKCS1.sign(key, hash, message),
    verify: (key, hash, message, digest, _curve, signature) =>
      digest
        ? verifyPkcs1(key, hash, message, signature)
        : PKCS1.verify(key, hash, message, signature),
  },
  ECDSA: {
    sign: (key, hash, message, digest, curve) =>
      digest ? signEcdsa(key, curve, message) : ECDSA.sign(key, hash, message),
    verify: (key, hash, message, digest, curve, signature) =>
      digest
        ? verifyEcdsa(key, curve, message, signature)
        : ECDSA.verify(key, hash, message, signature),
  },
  ED25519: {
    sign: (key, _hash, message) => sign(null, message, key),
    verify: (key, _hash, message, _digest, _curve, signature) =>
      verify(null, message, createPublicKey(key), signature),
  },
}

interface Signing {
  readonly key: Key
  readonly algorithm: string
  readonly scheme: Scheme
  readonly hash: string
  readonly message: Buffer
  readonly digest: boolean
}

/** Reads the members that Sign and Verify share. */
function readSigning(context: Context, input: Input): Signing {
  const key = openKeyForUse(context, input.required('KeyId'), 'SIGN_VERIFY')
  const algorithm = input.required('SigningAlgorithm')
  assertAlgorithm(key, algorithm)
  const [, name = '', bits = ''] = /^(.+)_SHA_(\d+)$/.exec(algorithm) ?? []
  const message = input.requiredBytes('Message')
  const type = input.text('MessageType') ?? 'RAW'
  assertMessageType(algorithm, type)
  if (type === 'DIGEST' && message.length !== Number(bits) / 8)
    throw invalid(`Digest is invalid length for algorithm ${algorithm}.`)
  const scheme = SCHEMES[name]
  if (!scheme)
    throw unsupported(`${algorithm} is not supported by this KMS: Node.js does not implement it`)
  return { key, algorithm, scheme, hash: `sha${bits}`, message, digest: type === 'DIGEST' }
}

function assertMessageType(algorithm: string, type: string): void {
  const only = new Map([
    ['ED25519_SHA_512', 'RAW'],
    ['ED25519_PH_SHA_512', 'DIGEST'],
  ]).get(algorithm)
  if (type === 'EXTERNAL_MU' || (only !== undefined && type !== only))
    throw invalid(`MessageType ${type} is not valid for algorithm ${algorithm}.`)
}

const signHandler: Handler = (context, input) => {
  const { key, algorithm, scheme, hash, message, digest } = readSigning(context, input)
  const signature = scheme.sign(privateKeyOf(key), hash, message, digest, key.spec.curve ?? '')
  recordUse(context, input, key)
  return { KeyId: key.arn, Signature: signature.toString('base64'), SigningAlgorithm: algorithm }
}

const verifyHandler: Handler = (context, input) => {
  const { key, algorithm, scheme, hash, message, digest } = readSigning(context, input)
  if (
    !scheme.verify(
      privateKeyOf(key),
      hash,
      message,
      digest,
      key.spec.curve ?? '',
      input.requiredBytes('Signature'),
    )
  ) {
    throw new AwsError('KMSInvalidSignatureException', '')
  }
  recordUse(context, input, key)
  return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: algorithm }
}

function mac(context: Context, input: Input): { key: Key; algorithm: string; value: Buffer } {
  const key = openKeyForUse(context, input.required('KeyId'), 'GENERATE_VERIFY_MAC')
  const algorithm = input.required('MacAlgorithm')
  assertAlgorithm(key, algorithm)
  return {
    key,
    algorithm,
    value: createHmac(key.spec.hash ?? '', materialOf(key).bytes)
      .update(input.requiredBytes('Message'))
      .digest(),
  }
}

const generateMac: Handler = (context, input) => {
  const { key, algorithm, value } = mac(context, input)
  recordUse(context, input, key)
  return { KeyId: key.arn, Mac: value.toString('base64'), MacAlgorithm: algorithm }
}

const verifyMac: Handler = (context, input) => {
  const { key, algorithm, value } = mac(context, input)
  const given = input.requiredBytes('Mac')
  if (value.length !== given.length || !timingSafeEqual(value, given))
    throw new AwsError('KMSInvalidMacException', '')
  recordUse(context, input, key)
  return { KeyId: key.arn, MacValid: true, MacAlgorithm: algorithm }
}

function peerKey(key: Key, der: Buffer): KeyObject {
  try {
    const peer = createPublicKey({ key: der, format: 'der', type: 'spki' })
    if (peer.asymmetricKeyType === 'ec' && peer.asymmetricKeyDetails?.namedCurve === key.spec.curve)
      return peer
  } catch {
    // Refused below, like a key on another curve.
  }
  throw invalid(`PublicKey is not a DER-encoded public key of ${key.keySpec}`)
}

const deriveSharedSecret: Handler = (context, input) => {
  const key = openKeyForUse(context, input.required('KeyId'), 'KEY_AGREEMENT')
  const publicKey = peerKey(key, input.requiredBytes('PublicKey'))
  const secret = diffieHellman({ privateKey: privateKeyOf(key), publicKey })
  recordUse(context, input, key)
  return {
    KeyId: key.arn,
    SharedSecret: secret.toString('base64'),
    KeyAgreementAlgorithm: input.required('KeyAgreementAlgorithm'),
    KeyOrigin: key.origin,
  }
}

const getPublicKey: Handler = (context, input) => {
  assertGrantTokens(context, input)
  const key = openKeyOrAlias(context, input.required('KeyId'))
  if (key.spec.family === 'symmetric' || key.spec.family === 'hmac')
    throw unsupported(`${key.arn} is not an asymmetric KMS key`)
  if (!key.publicKey)
    throw new AwsError('KMSInvalidStateException', `${key.arn} is pending import.`)
  return {
    KeyId: key.arn,
    PublicKey: key.publicKey.toString('base64'),
    KeySpec: key.keySpec,
    CustomerMasterKeySpec: key.keySpec,
    KeyUsage: key.usage,
    ...algorithmsMember(key),
  }
}

/** Refuses ML-KEM: the embedded KMS has no key of that usage. */
const encapsulation: Handler = (context, input) => {
  const key = openKeyOrAlias(context, input.required('KeyId'))
  throw invalidUsage(`${key.arn} key usage is ${key.usage} which is not valid for this operation.`)
}

/** Signatures, MACs and shared secrets, with the imported material itself. */
export const signingHandlers: Handlers = {
  Sign: use(signHandler),
  Verify: use(verifyHandler),
  GenerateMac: use(generateMac),
  VerifyMac: use(verifyMac),
  DeriveSharedSecret: use(deriveSharedSecret),
  Encapsulate: use(encapsulation),
  Decapsulate: use(encapsulation),
  GetPublicKey: getPublicKey,
}
