import { view, type MaterialOptions } from './material.js'
import { invalidMaterial } from './invalid-material.js'

/** The longest that OpenSSL reads (PEM_BUFSIZE). */
const MAX_LENGTH = 1024

/**
 * Returns the passphrase of an encrypted private key.
 * @throws KeymgmtError FIELD_INVALID if it is missing, empty, or longer than OpenSSL allows.
 */
export function requirePassphrase({ passphrase }: MaterialOptions): Buffer {
  if (!passphrase) {
    throw invalidMaterial(
      'the private key is encrypted, and a passphrase is needed',
      'add passphrase=@FILE with the name of a file that contains the passphrase',
    )
  }
  if (passphrase.length === 0)
    throw invalidMaterial(
      'the passphrase is empty',
      'passphrase=@FILE names a file that contains the passphrase',
    )
  if (passphrase.length > MAX_LENGTH) {
    throw invalidMaterial(
      `the passphrase is longer than ${MAX_LENGTH} bytes`,
      'passphrase=@FILE names a file that contains the passphrase and nothing else',
    )
  }
  return view(passphrase)
}

/** @throws KeymgmtError FIELD_INVALID if there is a passphrase: the material is not encrypted. */
export function assertNoPassphrase({ passphrase }: MaterialOptions): void {
  if (!passphrase) return
  throw invalidMaterial(
    'a passphrase was specified, but the material is not encrypted',
    'leave passphrase out, or import the encrypted file',
  )
}

/**
 * The error for an encrypted private key that can't be decrypted, from the code of Node's error.
 * ERR_OSSL_UNSUPPORTED alone describes the decrypted content: with a wrong passphrase, the padding
 * is valid once in 256 times.
 */
export function decryptionError(code: string) {
  if (/EVP_UN(SUPPORTED|KNOWN)|UNSUPPORTED_ENCRYPTION/.test(code)) {
    return invalidMaterial(
      'the private key is encrypted in a way that this Node does not support',
      'encrypt it again: openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider default -in FILE -out new.pem; then import new.pem',
    )
  }
  return invalidMaterial(
    'the passphrase does not open the private key',
    'check the passphrase; if it is right, the file is damaged',
  )
}
