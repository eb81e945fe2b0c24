import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { elements, encode, sequence, TAG, unsigned, type Element } from './der.js'
import { view, type MaterialOptions, type RecognisedMaterial } from './material.js'
import { assertNoPassphrase, notOpened, requirePassphrase } from './passphrase.js'
import { acceptPrivateKey, damaged, halvesDiffer } from './private-key.js'
import { orRefuse, refusal } from './refusal.js'

/**
 * A structure of DER that is told by the tags of its outermost elements, written in hex one after
 * another.
 */
interface Structure {
  readonly tags: RegExp
  readonly name: string
}

/** A structure that holds a private key. */
interface Container extends Structure {
  readonly open: (der: Uint8Array, options: MaterialOptions) => KeyObject
  readonly encrypted?: true
}

const CONTAINERS: readonly Container[] = [
  // RFC 5208; with a public key at its end (81, or a1 in older software) it is version 2, RFC 5958.
  { name: 'PKCS#8', tags: /^023004(a0)?$/, open: (der) => parse(der, 'pkcs8') },
  { name: 'PKCS#8', tags: /^023004(a0)?(81|a1)$/, open: openVersion2 },
  { name: 'encrypted PKCS#8', tags: /^3004$/, open: openEncrypted, encrypted: true },
  // RFC 8017 appendix A.1.2: version and eight numbers; the SEQUENCE has further primes, which are
  // refused later.
  { name: 'PKCS#1', tags: /^(02){9}(30)?$/, open: (der) => parse(der, 'pkcs1') },
  // RFC 5915
  { name: 'SEC1', tags: /^0204(a0)?(a1)?$/, open: (der) => parse(der, 'sec1') },
]

/** What else people have in files of this kind; each name follows `the material is `. */
const OTHERS: readonly (Structure & { readonly hint: string })[] = [
  { name: 'a public key', tags: /^(3003|0202)$/, hint: 'import the private key' },
  {
    name: 'a certificate or a request for one',
    tags: /^303003$/,
    hint: 'import the private key that belongs to it',
  },
  { name: 'a DSA private key', tags: /^(02){6}$/, hint: 'AWS KMS has no DSA keys' },
  {
    name: 'a PKCS#12 file',
    tags: /^0230(30)?$/,
    hint: 'take the key out: openssl pkcs12 -in key.p12 -nocerts -out key.pem, then import key.pem with its passphrase',
  },
]

/** Whether `der` is a structure that is known here, whole and with nothing after it. */
export function isKnownDer(der: Uint8Array): boolean {
  const tags = tagsOf(der)
  return [...CONTAINERS, ...OTHERS].some((structure) => structure.tags.test(tags))
}

/**
 * The name of the private key structure that `der` is, such as `PKCS#8`; undefined for all else.
 */
export function containerName(der: Uint8Array): string | undefined {
  const tags = tagsOf(der)
  return CONTAINERS.find((container) => container.tags.test(tags))?.name
}

/**
 * The material in a DER structure; `form` is how that came, to follow the structure's name: `DER`,
 * `PEM`.
 * @throws KeymgmtError FIELD_INVALID for all but one whole private key that can be imported.
 */
export function readContainer(
  der: Uint8Array,
  form: string,
  options: MaterialOptions,
): RecognisedMaterial {
  const tags = tagsOf(der)
  const container = CONTAINERS.find((candidate) => candidate.tags.test(tags))
  if (!container) throw notAContainer(tags, form)
  const format = `${container.name} ${form}`
  if (!container.encrypted) assertNoPassphrase(options)
  return acceptPrivateKey(container.open(der, options), format, options.type)
}

function notAContainer(tags: string, form: string) {
  const other = OTHERS.find((candidate) => candidate.tags.test(tags))
  if (other)
    return refusal(
      `the material is ${other.name} (${form}), and a private key is needed`,
      other.hint,
    )
  return refusal(
    `the material is not a whole private key (${form}): nothing that is PKCS#8, PKCS#1 or SEC1`,
    'see what it is: openssl asn1parse -in key.pem (-inform DER)',
  )
}

function tagsOf(der: Uint8Array): string {
  return (sequence(der) ?? []).map(({ tag }) => tag.toString(16).padStart(2, '0')).join('')
}

function parse(der: Uint8Array, type: 'pkcs8' | 'pkcs1' | 'sec1'): KeyObject {
  return orRefuse(() => createPrivateKey({ key: view(der), format: 'der', type }), damaged)
}

/**
 * PKCS#8 version 2, which Rust and Java write: OpenSSL reads only version 1, so the public key is
 * put aside.
 */
function openVersion2(der: Uint8Array): KeyObject {
  const parts = sequence(der) ?? []
  const [, algorithm, privateKey] = parts
  const publicKey = parts.at(-1)
  if (!algorithm || !privateKey || !publicKey) throw damaged()
  const version1 = encode(
    TAG.SEQUENCE,
    encode(TAG.INTEGER, Uint8Array.of(0)),
    algorithm.whole,
    privateKey.whole,
  )
  try {
    const key = parse(version1, 'pkcs8')
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
    // Both end with the bits of the public key; before them stands the count of unused bits, and
    // the tag where it is explicit.
    const [, bits] = sequence(spki) ?? []
    if (!bits || !view(publicKey.content).subarray(-bits.content.length).equals(bits.content))
      throw halvesDiffer()
    return key
  } finally {
    version1.fill(0)
  }
}

/**
 * A number of PBKDF2 rounds that takes about half a second: what a file asks for is what its maker
 * wanted us to compute.
 */
const MAX_ROUNDS = 1_000_000n

function openEncrypted(der: Uint8Array, options: MaterialOptions): KeyObject {
  const passphrase = requirePassphrase(options)
  const rounds = roundsOf(der)
  if (rounds === undefined) throw damaged()
  if (rounds > MAX_ROUNDS) {
    throw refusal(
      `the private key is encrypted with more than ${MAX_ROUNDS.toString()} rounds of key derivation`,
      'decrypt it in a pipe: openssl pkey -in key.pem | keymgmt write … material=-',
    )
  }
  return orRefuse(
    () => createPrivateKey({ key: view(der), format: 'der', type: 'pkcs8', passphrase }),
    notOpened,
  )
}

/**
 * The work that the key derivation asks for (RFC 8018 appendix A, RFC 7914 section 7): salt, then
 * the rounds of PBKDF2 or PBES1; or N, r and p of scrypt, whose product costs about as much.
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
