import { isKnownDer, readContainer } from './containers.js'
import { isJwk, readJwk } from './jwk.js'
import type { MaterialFormat, MaterialOptions, RecognisedMaterial } from './material.js'
import { isPem, readPem } from './pem.js'
import { invalidMaterial } from './invalid-material.js'
import { readSecret } from './secret.js'

/** Well above any key: an RSA-4096 PEM with its text dump has 20 kB. */
const MAX_BYTES = 64 * 1024

interface Reader {
  readonly format: MaterialFormat
  readonly recognises: (bytes: Uint8Array) => boolean
  readonly read: (bytes: Uint8Array, options: MaterialOptions) => RecognisedMaterial
}

/** The formats that are recognised by content, in this order. Random bytes match none of them. */
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
 * Recognises the user's key material, and checks it against the options.
 *
 * Accepts, by content or as `format` specifies: PEM (PKCS#8 RFC 5208 and its version 2 RFC 5958,
 * PKCS#1 RFC 8017, SEC1 RFC 5915, encrypted PKCS#8, encrypted traditional PEM), DER of the same,
 * JWK (RFC 7517), hex and base64 (RFC 4648) of raw bytes or of DER, and raw bytes. The type is
 * inferred from the content if possible, and checked if it is specified.
 *
 * Does not change `bytes`, which the caller wipes. Wipes its own copies, except what the runtime
 * keeps: OpenSSL's key objects, the strings of a JWK, and the BigInts of the RSA check.
 *
 * @throws KeymgmtError FIELD_INVALID for anything else. The error never contains any of `bytes`.
 */
export function recogniseMaterial(
  bytes: Uint8Array,
  options: MaterialOptions = {},
): RecognisedMaterial {
  if (bytes.length === 0)
    throw invalidMaterial(
      'the material is empty',
      'material=@FILE reads a file, and material=- reads standard input',
    )
  if (bytes.length > MAX_BYTES)
    throw invalidMaterial(
      `the material is ${bytes.length} bytes, and no key is longer than ${MAX_BYTES}`,
      'import a file that contains the key and nothing else',
    )
  const { format } = options
  const reader = READERS.find((candidate) =>
    format === undefined ? candidate.recognises(bytes) : candidate.format === format,
  )
  return reader ? reader.read(bytes, options) : readSecret(bytes, options)
}
