import { isKnownDer, readContainer } from './containers.js'
import { isJwk, readJwk } from './jwk.js'
import type { MaterialFormat, MaterialOptions, RecognisedMaterial } from './material.js'
import { isPem, readPem } from './pem.js'
import { refusal } from './refusal.js'
import { readSecret } from './secret.js'

/** Far above any key (an RSA-4096 PEM with its text is 20 kB), and little to parse. */
const MAX_BYTES = 64 * 1024

interface Reader {
  readonly format: MaterialFormat
  readonly recognises: (bytes: Uint8Array) => boolean
  readonly read: (bytes: Uint8Array, options: MaterialOptions) => RecognisedMaterial
}

/**
 * The forms that are told by their content, in this order; no key of random bytes looks like one of
 * them.
 */
const READERS: readonly Reader[] = [
  { format: 'pem', recognises: isPem, read: readPem },
  { format: 'jwk', recognises: isJwk, read: readJwk },
  {
    format: 'der',
    recognises: isKnownDer,
    read: (bytes, options) => readContainer(bytes, 'DER', options),
  },
]

/**
 * The key material in what a user brings, held against what the user says about it.
 *
 * Read are, by content, or as `format` says: PEM (PKCS#8 RFC 5208 and its version 2 RFC 5958,
 * PKCS#1 RFC 8017, SEC1 RFC 5915, encrypted PKCS#8, encrypted traditional PEM), DER of the same,
 * JWK (RFC 7517), hex and base64 (RFC 4648) of raw bytes or of DER, and raw bytes. The type is
 * inferred where the content tells it, and checked where it is given.
 *
 * `bytes` stay as they are and the caller's to wipe. Copies made on the way are wiped, but for what
 * the runtime keeps: OpenSSL's key objects, the strings of a JWK, and the BigInts with which an RSA
 * key is checked.
 *
 * @throws KeymgmtError FIELD_INVALID, always, for all else; it never holds any of `bytes`.
 */
export function recogniseMaterial(
  bytes: Uint8Array,
  options: MaterialOptions = {},
): RecognisedMaterial {
  if (bytes.length === 0)
    throw refusal(
      'the material is empty',
      'material=@FILE takes the file that holds the key, and material=- standard input',
    )
  if (bytes.length > MAX_BYTES)
    throw refusal(
      `the material is ${bytes.length} bytes, and no key is longer than ${MAX_BYTES}`,
      'import a file that holds the key and nothing else',
    )
  const { format } = options
  const reader = READERS.find((candidate) =>
    format === undefined ? candidate.recognises(bytes) : candidate.format === format,
  )
  return reader ? reader.read(bytes, options) : readSecret(bytes, options)
}
