import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { AwsError } from './errors.js'
import type { Key, Material } from './state.js'

const MARK = Buffer.from('kmgmt2')
const MATERIAL_ID_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The unencrypted beginning of a symmetric ciphertext. */
export interface Header {
  readonly keyId: string
  readonly materialId: string
  readonly bytes: Buffer
}

/**
 * AWS does not publish its format. Like AWS's, this one names the key and the material: 6 bytes
 * `kmgmt2`, 1 byte length of the key id, the key id, 32 bytes material id.
 */
function writeHeader(key: Key, material: Material): Buffer {
  const id = Buffer.from(key.id)
  return Buffer.concat([MARK, Buffer.of(id.length), id, Buffer.from(material.id, 'hex')])
}

/** An InvalidCiphertextException without a message, as AWS returns it. */
export const invalidCiphertext = () => new AwsError('InvalidCiphertextException', '')

/**
 * Reads the header of a ciphertext.
 * @throws AwsError InvalidCiphertextException if the bytes are not a ciphertext of this KMS
 */
export function readHeader(blob: Buffer): Header {
  const length = blob[MARK.length]
  const end = MARK.length + 1 + (length ?? 0)
  const all = end + MATERIAL_ID_BYTES
  if (
    !blob.subarray(0, MARK.length).equals(MARK) ||
    length === undefined ||
    blob.length < all + NONCE_BYTES + TAG_BYTES
  )
    throw invalidCiphertext()
  return {
    keyId: blob.subarray(MARK.length + 1, end).toString(),
    materialId: blob.subarray(end, all).toString('hex'),
    bytes: blob.subarray(0, all),
  }
}

/**
 * Derives an AES-256 key from the material and the key id. As in AWS, an unrelated KMS key with the
 * same material can't decrypt.
 */
function derivedKey(key: Key, material: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', material, key.id, 'keymgmt dev', 32))
}

/** The encryption context, independent of the order of its pairs. */
function contextBytes(context: ReadonlyMap<string, string>): Buffer {
  return Buffer.from(
    JSON.stringify([...context].toSorted(([one], [other]) => (one < other ? -1 : 1))),
  )
}

/**
 * Encrypts with AES-256-GCM. Returns the header, a 12-byte nonce, the ciphertext and a 16-byte tag;
 * the header and the encryption context are authenticated.
 */
export function seal(
  key: Key,
  material: Material & { bytes: Buffer },
  plaintext: Buffer,
  context: ReadonlyMap<string, string>,
): Buffer {
  const header = writeHeader(key, material)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', derivedKey(key, material.bytes), nonce)
  cipher.setAAD(Buffer.concat([header, contextBytes(context)]))
  return Buffer.concat([
    header,
    nonce,
    cipher.update(plaintext),
    cipher.final(),
    cipher.getAuthTag(),
  ])
}

/**
 * Decrypts a result of {@link seal}.
 * @throws AwsError InvalidCiphertextException if the key, the context or any byte differs
 */
export function unseal(
  key: Key,
  material: Buffer,
  { bytes }: Header,
  blob: Buffer,
  context: ReadonlyMap<string, string>,
): Buffer {
  const nonceEnd = bytes.length + NONCE_BYTES
  try {
    const decipher = createDecipheriv(
      'aes-256-gcm',
      derivedKey(key, material),
      blob.subarray(bytes.length, nonceEnd),
    )
    decipher.setAAD(Buffer.concat([bytes, contextBytes(context)]))
    decipher.setAuthTag(blob.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(blob.subarray(nonceEnd, -TAG_BYTES)), decipher.final()])
  } catch {
    throw invalidCiphertext()
  }
}
