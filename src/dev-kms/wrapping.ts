import {
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  generateKeyPair,
  privateDecrypt,
  randomUUID,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import { partitionOf } from './arn.js'
import { AwsError, unsupported } from './errors.js'
import type { Family } from './key-specs.js'
import type { Key } from './state.js'
import type { Account } from './account.js'

const generatePair = promisify(generateKeyPair)

/** Lifetime of a wrapping key and its import token. */
const PARAMETERS_MS = 24 * 3_600_000

/**
 * The wrapping algorithms and the key families that each accepts. An emulator that accepts more
 * than AWS would hide mistakes.
 * @see
 * https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-get-public-key-and-token.html
 */
const WRAPPING = new Map<
  string,
  {
    readonly hash: 'sha1' | 'sha256'
    readonly hybrid: boolean
    readonly families: readonly Family[]
  }
>([
  ['RSAES_OAEP_SHA_1', { hash: 'sha1', hybrid: false, families: ['symmetric', 'hmac', 'ecc'] }],
  ['RSAES_OAEP_SHA_256', { hash: 'sha256', hybrid: false, families: ['symmetric', 'hmac', 'ecc'] }],
  ['RSA_AES_KEY_WRAP_SHA_1', { hash: 'sha1', hybrid: true, families: ['rsa', 'ecc'] }],
  ['RSA_AES_KEY_WRAP_SHA_256', { hash: 'sha256', hybrid: true, families: ['rsa', 'ecc'] }],
])

const MODULUS = new Map([
  ['RSA_2048', 2048],
  ['RSA_3072', 3072],
  ['RSA_4096', 4096],
])

/**
 * One pair per size and process: generating 4,096 bits takes seconds, and import tokens do not
 * depend on the pair.
 */
const pairs = new Map<string, Promise<{ publicKey: KeyObject; privateKey: KeyObject }>>()

/**
 * The wrapping key pair of this size.
 * @throws AwsError UnsupportedOperationException for another spec
 */
export function wrappingPair(
  spec: string,
): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  const modulusLength = MODULUS.get(spec)
  if (modulusLength === undefined)
    throw unsupported(`WrappingKeySpec ${spec} is not supported in this Region`)
  const known = pairs.get(spec) ?? generatePair('rsa', { modulusLength })
  pairs.set(spec, known)
  return known
}

/** Starts generating the most common wrapping key, so that the first request waits less. */
export function prepareWrappingKey(): void {
  void wrappingPair('RSA_4096')
}

/**
 * @throws AwsError UnsupportedOperationException if AWS does not support the algorithm and wrapping
 * key for this key
 */
export function assertWrapping(key: Key, algorithm: string, spec: string): void {
  const refuse = (why: string) => unsupported(`Wrapping algorithm ${algorithm} with ${spec} ${why}`)
  const wrapping = WRAPPING.get(algorithm)
  if (!wrapping || !MODULUS.has(spec)) throw refuse('is not supported')
  if (wrapping.hybrid && partitionOf(key.region) === 'aws-cn')
    throw refuse('is not supported in China Regions')
  if (!wrapping.families.includes(key.spec.family))
    throw refuse(`is not supported for ${key.keySpec}`)
  if (key.keySpec === 'ECC_NIST_P521' && !wrapping.hybrid && spec === 'RSA_2048')
    throw refuse(`is not supported for ${key.keySpec}: use a longer wrapping key`)
}

/** The content of an import token. */
export interface Token {
  readonly arn: string
  readonly algorithm: string
  readonly spec: string
  readonly validTo: number
  /** Makes each token unique. */
  readonly nonce: string
}

/**
 * Creates an import token for the key: a 32-byte HMAC-SHA-256 and JSON. It is valid for 24 hours.
 */
export function writeToken(
  account: Account,
  key: Key,
  algorithm: string,
  spec: string,
): { token: Buffer; validTo: Date } {
  const validTo = account.now().getTime() + PARAMETERS_MS
  const body = Buffer.from(
    JSON.stringify({ arn: key.arn, algorithm, spec, validTo, nonce: randomUUID() } satisfies Token),
  )
  return {
    token: Buffer.concat([createHmac('sha256', account.secret).update(body).digest(), body]),
    validTo: new Date(validTo),
  }
}

/**
 * Reads an import token.
 * @throws AwsError InvalidImportTokenException if it is not a token of this account and key;
 * ExpiredImportTokenException
 */
export function readToken(account: Account, bytes: Buffer, key: Key): Token {
  const wrong = () =>
    new AwsError(
      'InvalidImportTokenException',
      'The import token is invalid or is for another KMS key.',
    )
  const body = bytes.subarray(32)
  const mac = createHmac('sha256', account.secret).update(body).digest()
  if (bytes.length <= 32 || !timingSafeEqual(mac, bytes.subarray(0, 32))) throw wrong()
  const token = JSON.parse(body.toString()) as Token
  if (token.arn !== key.arn) throw wrong()
  if (account.now().getTime() > token.validTo)
    throw new AwsError('ExpiredImportTokenException', 'The import token has expired.')
  return token
}

/**
 * Allows each token for one blob only: AWS asks for new parameters for each import. The same
 * request may be repeated, because its reply may have been lost. Returns a function that uses up
 * the token.
 * @throws AwsError InvalidImportTokenException for a token that was used with another blob
 */
export function assertUnused({ usedTokens }: Account, token: Buffer, blob: Buffer): () => void {
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  const before = usedTokens.get(digest(token))
  if (before !== undefined && before !== digest(blob)) {
    throw new AwsError(
      'InvalidImportTokenException',
      'The import token was used before: get new parameters for each import.',
    )
  }
  return () => {
    usedTokens.set(digest(token), digest(blob))
  }
}

/**
 * Unwraps material with the algorithm and wrapping key of its token: RSAES-OAEP (RFC 8017), alone
 * or with AES key wrap with padding (RFC 5649).
 * @throws AwsError InvalidCiphertextException
 */
export async function unwrap({ algorithm, spec }: Token, blob: Buffer): Promise<Buffer> {
  const { hash, hybrid } = WRAPPING.get(algorithm) ?? { hash: 'sha256', hybrid: false }
  const { privateKey } = await wrappingPair(spec)
  const size = (MODULUS.get(spec) ?? 0) / 8
  const open = (bytes: Buffer) =>
    privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash },
      bytes,
    )
  try {
    if (!hybrid) return open(blob)
    const decipher = createDecipheriv(
      'id-aes256-wrap-pad',
      open(blob.subarray(0, size)),
      Buffer.from('A65959A6', 'hex'),
    )
    return Buffer.concat([decipher.update(blob.subarray(size)), decipher.final()])
  } catch {
    throw new AwsError(
      'InvalidCiphertextException',
      'The encrypted key material could not be decrypted.',
    )
  }
}
