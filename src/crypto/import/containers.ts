import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { elements, encode, sequence, TAG, unsigned, type Element } from './der.js'
import { view, type MaterialOptions, type RecognisedMaterial } from './material.js'
import { assertNoPassphrase, decryptionError, requirePassphrase } from './passphrase.js'
import { acceptPrivateKey, malformedKeyError, publicKeyMismatchError } from './private-key.js'
import { invalidMaterial, pipe, wrapError } from './invalid-material.js'

/** A DER structure, recognised by the concatenated tags of its outermost elements in hex. */
interface Structure {
  readonly tags: RegExp
  readonly name: string
}

/** A structure that contains a private key. */
interface Container extends Structure {
  readonly open: (der: Uint8Array, options: MaterialOptions) => KeyObject
  readonly encrypted?: true
}

const CONTAINERS: readonly Container[] = [
  // RFC 5208; with a public key at its end (81, or a1 from older software), version 2, RFC 5958.
  { name: 'PKCS#8', tags: /^023004(a0)?$/, open: (der) => parse(der, 'pkcs8') },
  { name: 'PKCS#8', tags: /^023004(a0)?(81|a1)$/, open: openVersion2 },
  { name: 'encrypted PKCS#8', tags: /^3004$/, open: openEncrypted, encrypted: true },
  // RFC 8017 appendix A.1.2: version and eight numbers; the SEQUENCE has further primes, which are
  // refused later.
  { name: 'PKCS#1', tags: /^(02){9}(30)?$/, open: (der) => parse(der, 'pkcs1') },
  // RFC 5915
  { name: 'SEC1', tags: /^0204(a0)?(a1)?$/, open: (der) => parse(der, 'sec1') },
]

/** Other structures in such files; each name follows `the material is `. */
const OTHERS: readonly (Structure & { readonly hint: string })[] = [
  { name: 'a public key', tags: /^(3003|0202)$/, hint: 'import the private key' },
  {
    name: 'a certificate or a certificate request',
    tags: /^303003$/,
    hint: 'import the private key that belongs to it',
  },
  { name: 'a DSA private key', tags: /^(02){6}$/, hint: 'AWS KMS has no DSA keys' },
  {
    name: 'a PKCS#12 file',
    tags: /^0230(30)?$/,
    hint: 'extract the key: openssl pkcs12 -in FILE -nocerts -out key.pem (with -legacy for an old file); then import key.pem with its passphrase',
  },
]

/** True if `der` is exactly one known structure. */
export function isKnownDer(der: Uint8Array): boolean {
  const tags = tagsOf(der)
  return [...CONTAINERS, ...OTHERS].some((structure) => structure.tags.test(tags))
}

/** The name of a private key structure, such as `PKCS#8`; undefined for anything else. */
export function containerName(der: Uint8Array): string | undefined {
  const tags = tagsOf(der)
  return CONTAINERS.find((container) => container.tags.test(tags))?.name
}

/**
 * Reads the material in a DER structure; `form` is its encoding, for messages: `DER`, `PEM`.
 * @throws KeymgmtError FIELD_INVALID unless it is one complete private key that can be imported.
 */
export function readContainer(
  der: Uint8Array,
  form: string,
  options: MaterialOptions,
): RecognisedMaterial {
  const tags = tagsOf(der)
  const container = CONTAINERS.find((candidate) => candidate.tags.test(tags))
  if (!container) throw unknownContainerError(tags, form)
  const format = `${container.name} ${form}`
  if (!container.encrypted) assertNoPassphrase(options)
  return acceptPrivateKey(container.open(der, options), format, options.type)
}

function unknownContainerError(tags: string, form: string) {
  const other = OTHERS.find((candidate) => candidate.tags.test(tags))
  if (other)
    return invalidMaterial(
      `the material is ${other.name} (${form}), and a private key is needed`,
      other.hint,
    )
  return invalidMaterial(
    `the material is not a complete private key (${form}): neither PKCS#8 nor PKCS#1 nor SEC1`,
    'examine it: openssl asn1parse -in FILE (with -inform DER unless it is PEM)',
  )
}

function tagsOf(der: Uint8Array): string {
  return (sequence(der) ?? []).map(({ tag }) => tag.toString(16).padStart(2, '0')).join('')
}

function parse(der: Uint8Array, type: 'pkcs8' | 'pkcs1' | 'sec1'): KeyObject {
  return wrapError(
    () => createPrivateKey({ key: view(der), format: 'der', type }),
    malformedKeyError,
  )
}

/**
 * PKCS#8 version 2, which Rust and Java write. OpenSSL reads only version 1, so the public key is
 * removed and compared.
 */
function openVersion2(der: Uint8Array): KeyObject {
  const parts = sequence(der) ?? []
  const [, algorithm, privateKey] = parts
  const publicKey = parts.at(-1)
  if (!algorithm || !privateKey || !publicKey) throw malformedKeyError()
  const version1 = encode(
    TAG.SEQUENCE,
    encode(TAG.INTEGER, Uint8Array.of(0)),
    algorithm.whole,
    privateKey.whole,
  )
  try {
    const key = parse(version1, 'pkcs8')
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
    // Both end with the bits of the public key, after the count of unused bits and an explicit tag.
    const [, bits] = sequence(spki) ?? []
    if (!bits || !view(publicKey.content).subarray(-bits.content.length).equals(bits.content))
      throw publicKeyMismatchError()
    return key
  } finally {
    version1.fill(0)
  }
}

/** Upper bound on PBKDF2 iterations (about 0.5 s): the count comes from an untrusted file. */
const MAX_ROUNDS = 1_000_000n

function openEncrypted(der: Uint8Array, options: MaterialOptions): KeyObject {
  const passphrase = requirePassphrase(options)
  const rounds = roundsOf(der)
  if (rounds === undefined) throw malformedKeyError()
  if (rounds > MAX_ROUNDS) {
    throw invalidMaterial(
      `the private key is encrypted with more than ${MAX_ROUNDS.toString()} rounds of key derivation`,
      pipe('decrypt it: openssl pkey -in FILE'),
    )
  }
  return wrapError(
    () => createPrivateKey({ key: view(der), format: 'der', type: 'pkcs8', passphrase }),
    decryptionError,
  )
}

/**
 * The cost of the key derivation (RFC 8018 appendix A, RFC 7914 section 7): the iterations of
 * PBKDF2 or PBES1, which follow the salt; or the product of N, r and p of scrypt, which is
 * comparable.
 */
function roundsOf(der: Uint8Array): bigint | undefined {
  const [algorithm] = sequence(der) ?? []
  const parameters = second(algorithm)
  const isPbes2 = parameters?.[0]?.tag === TAG.SEQUENCE
  const derivation = isPbes2 ? second(parameters[0]) : parameters
  const numbers = derivation
    ?.filter(({ tag }) => tag === TAG.INTEGER)
    .map(({ content }) => unsigned(content))
  const [rounds, r = 1n, p] = numbers ?? []
  return p === undefined ? rounds : (rounds ?? 0n) * r * p
}

/**
 * The elements of the second element: the parameters of an AlgorithmIdentifier (RFC 5280 section
 * 4.1.1.2).
 */
function second(algorithm: Element | undefined): readonly Element[] | undefined {
  const [, parameters] = elements(algorithm?.content ?? new Uint8Array()) ?? []
  return parameters && elements(parameters.content)
}
