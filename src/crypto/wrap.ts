import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  publicEncrypt,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { KeymgmtError } from '../errors.js'

/**
 * The alternative initial value of RFC 5649 section 3. OpenSSL accepts any four bytes here, but
 * other implementations unwrap only these.
 */
const KWP_INITIAL_VALUE = Buffer.from('A65959A6', 'hex')

/** AES-256 key wrap with padding (RFC 5649). */
const KWP_CIPHER = 'id-aes256-wrap-pad'

/** The wrapping algorithms of AWS KMS that keymgmt uses. */
export type WrappingAlgorithm = 'RSAES_OAEP_SHA_256' | 'RSA_AES_KEY_WRAP_SHA_256'

/**
 * Wraps `material` with AES-KWP (RFC 5649) under a 32-byte key; the result is a multiple of 8
 * bytes.
 */
export function wrapKwp(key: Uint8Array, material: Uint8Array): Buffer {
  // A single update(): OpenSSL wraps the input of each call separately.
  const cipher = createCipheriv(KWP_CIPHER, key, KWP_INITIAL_VALUE)
  return Buffer.concat([cipher.update(material), cipher.final()])
}

/**
 * Unwraps what {@link wrapKwp} wrapped under the same key.
 * @throws Error if `wrapped` was wrapped under another key or was changed.
 */
export function unwrapKwp(key: Uint8Array, wrapped: Uint8Array): Buffer {
  const decipher = createDecipheriv(KWP_CIPHER, key, KWP_INITIAL_VALUE)
  return Buffer.concat([decipher.update(wrapped), decipher.final()])
}

/**
 * Wraps `material` for ImportKeyMaterial under the wrapping key that GetParametersForImport
 * returned (DER SubjectPublicKeyInfo, RSA of `modulusLength` bits).
 *
 * `RSAES_OAEP_SHA_256` returns one RSA block. `RSA_AES_KEY_WRAP_SHA_256` returns an RSA block that
 * contains an ephemeral AES-256 key, followed by the material wrapped under that key; this part is
 * unwrapped and compared first.
 *
 * @throws KeymgmtError KMS_FAILED if the wrapping key is not RSA of `modulusLength` bits.
 * @see
 * https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-encrypt-key-material.html
 */
export function wrapForImport(
  algorithm: WrappingAlgorithm,
  wrappingKey: Uint8Array,
  material: Uint8Array,
  modulusLength = 4096,
): Buffer {
  const rsa = readWrappingKey(wrappingKey, modulusLength)
  const oaep = { key: rsa, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  if (algorithm === 'RSAES_OAEP_SHA_256') return publicEncrypt(oaep, material)

  const ephemeral = randomBytes(32)
  try {
    const wrapped = wrapKwp(ephemeral, material)
    assertUnwraps(ephemeral, wrapped, material)
    return Buffer.concat([publicEncrypt(oaep, ephemeral), wrapped])
  } finally {
    ephemeral.fill(0)
  }
}

function readWrappingKey(der: Uint8Array, modulusLength: number) {
  const unusableKeyError = (cause?: unknown) =>
    new KeymgmtError(
      'KMS_FAILED',
      `the KMS returned a wrapping key that is not RSA of ${modulusLength} bits`,
      { cause },
    )
  let key
  try {
    key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
  } catch (cause) {
    throw unusableKeyError(cause)
  }
  if (key.asymmetricKeyType !== 'rsa' || key.asymmetricKeyDetails?.modulusLength !== modulusLength)
    throw unusableKeyError()
  return key
}

/** Otherwise, a bad blob would be noticed only when the material is needed. */
function assertUnwraps(key: Uint8Array, wrapped: Uint8Array, material: Uint8Array): void {
  const unwrapped = unwrapKwp(key, wrapped)
  try {
    if (unwrapped.length !== material.length || !timingSafeEqual(unwrapped, material)) {
      throw new KeymgmtError(
        'KMS_FAILED',
        'the wrapped key material does not unwrap to the original',
      )
    }
  } finally {
    unwrapped.fill(0)
  }
}
