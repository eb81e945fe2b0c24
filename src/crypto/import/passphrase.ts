import { view, type MaterialOptions } from './material.js'
import { refusal } from './refusal.js'

/** The longest that OpenSSL reads (PEM_BUFSIZE). */
const MAX_LENGTH = 1024

/**
 * The passphrase that an encrypted private key needs.
 * @throws KeymgmtError FIELD_INVALID when there is none, or none that OpenSSL could have encrypted
 * with.
 */
export function requirePassphrase({ passphrase }: MaterialOptions): Buffer {
  if (!passphrase) {
    throw refusal(
      'the private key is encrypted, and no passphrase is given',
      'add passphrase=@FILE, where FILE holds the passphrase',
    )
  }
  if (passphrase.length === 0)
    throw refusal(
      'the passphrase is empty',
      'passphrase=@FILE takes the file that holds the passphrase',
    )
  if (passphrase.length > MAX_LENGTH) {
    throw refusal(
      `the passphrase is longer than ${MAX_LENGTH} bytes`,
      'passphrase=@FILE takes the file that holds the passphrase, and nothing else',
    )
  }
  return view(passphrase)
}

/**
 * @throws KeymgmtError FIELD_INVALID when a passphrase came with material that is not encrypted:
 * one of the two is not what the user thinks.
 */
export function assertNoPassphrase({ passphrase }: MaterialOptions): void {
  if (!passphrase) return
  throw refusal(
    'a passphrase is given, but the material is not encrypted',
    'leave passphrase out, or import the encrypted file',
  )
}

/**
 * Why an encrypted private key did not open, from the code of what Node threw. ERR_OSSL_UNSUPPORTED
 * alone is said of what came out of it: a wrong passphrase leaves sound padding once in 256 times.
 */
export function notOpened(code: string) {
  if (/EVP_UN(SUPPORTED|KNOWN)|UNSUPPORTED_ENCRYPTION/.test(code)) {
    return refusal(
      'the private key is encrypted in a way that this Node does not support',
      'encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in key.pem -out new.pem (old ciphers need -provider legacy -provider default)',
    )
  }
  return refusal(
    'the passphrase does not open the private key',
    'check the passphrase; if it is right, the file is damaged',
  )
}
