import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { KeymgmtError } from '../errors.js'

const NONCE_LENGTH = 12
const TAG_LENGTH = 16

/** The identity of a sealed record: it can't be opened as any other. */
export interface Binding {
  readonly storeId: string
  readonly path: string
  readonly revision: number
  /** Identifies the write that produced the record. */
  readonly writeId: string
}

/** Each part follows its length (4 bytes, big-endian), so that the encoding is unambiguous. */
function associatedData({ storeId, path, revision, writeId }: Binding): Buffer {
  const parts = ['keymgmt record v1', storeId, path, String(revision), writeId].map((part) =>
    Buffer.from(part),
  )
  return Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]))
}

function lengthOf(part: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part.length)
  return length
}

/**
 * Seals `plaintext` with AES-256-GCM under a 32-byte key and a random 12-byte nonce (NIST SP
 * 800-38D section 8.2.2). The result is nonce, ciphertext, 16-byte tag.
 */
export function seal(key: Uint8Array, plaintext: Uint8Array, binding: Binding): Buffer {
  const nonce = randomBytes(NONCE_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH })
  cipher.setAAD(associatedData(binding))
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/**
 * Decrypts what {@link seal} sealed under the same key and binding. The caller wipes the result.
 * @throws KeymgmtError STORE_CORRUPT if the key, the binding or a byte differs.
 */
export function open(key: Uint8Array, sealed: Uint8Array, binding: Binding): Buffer {
  const openError = () =>
    new KeymgmtError(
      'STORE_CORRUPT',
      `the record ${binding.path} does not open: it was changed, moved or written by another store`,
      {
        hints: ['restore that record from a backup; nothing was changed'],
      },
    )
  if (sealed.length < NONCE_LENGTH + TAG_LENGTH) throw openError()
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_LENGTH), {
    authTagLength: TAG_LENGTH,
  })
  decipher.setAAD(associatedData(binding))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_LENGTH))
  const plaintext = decipher.update(sealed.subarray(NONCE_LENGTH, sealed.length - TAG_LENGTH))
  try {
    decipher.final()
    return plaintext
  } catch {
    plaintext.fill(0)
    throw openError()
  }
}
