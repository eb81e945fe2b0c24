import { isUtf8 } from 'node:buffer'
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { KEY_TYPE_NAMES, type KeyTypeName } from '../key-types.js'
import { decodeBase64, withoutMark } from './digits.js'
import { needed, view, type MaterialOptions, type RecognisedMaterial } from './material.js'
import { assertNoPassphrase } from './passphrase.js'
import { acceptPrivateKey, publicKeyMismatchError, multiPrimeError } from './private-key.js'
import { invalidMaterial, pipe, wrapError } from './invalid-material.js'
import { chooseSecret, fitsOf } from './secret.js'

/** The accepted `use` (RFC 7517 section 4.2) and `alg` (RFC 7518, RFC 8037, RFC 8812) of a JWK. */
interface JwkUse {
  readonly use: readonly ('sig' | 'enc')[]
  readonly alg: readonly string[]
}

const AGREEMENT = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW']
const RSA: JwkUse = {
  use: ['sig', 'enc'],
  alg: [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'RSA1_5',
    'RSA-OAEP',
    'RSA-OAEP-256',
    'RSA-OAEP-384',
    'RSA-OAEP-512',
  ],
}

const JWK_USES: Readonly<Record<KeyTypeName, JwkUse>> = {
  'aes256-gcm96': { use: ['enc'], alg: ['A256GCM', 'A256GCMKW', 'A256KW', 'dir'] },
  'rsa-2048': RSA,
  'rsa-3072': RSA,
  'rsa-4096': RSA,
  'ecdsa-p256': { use: ['sig', 'enc'], alg: ['ES256', ...AGREEMENT] },
  'ecdsa-p384': { use: ['sig', 'enc'], alg: ['ES384', ...AGREEMENT] },
  'ecdsa-p521': { use: ['sig', 'enc'], alg: ['ES512', ...AGREEMENT] },
  'ecdsa-secp256k1': { use: ['sig'], alg: ['ES256K'] },
  ed25519: { use: ['sig'], alg: ['EdDSA', 'Ed25519'] },
  'hmac-sha224': { use: ['sig'], alg: [] },
  'hmac-sha256': { use: ['sig'], alg: ['HS256'] },
  'hmac-sha384': { use: ['sig'], alg: ['HS384'] },
  'hmac-sha512': { use: ['sig'], alg: ['HS512'] },
}

/** The members of a private key, by `kty`; `d` is the private one. */
const MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['RSA', ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi']],
  ['EC', ['crv', 'x', 'y', 'd']],
  ['OKP', ['crv', 'x', 'd']],
])

/** True for UTF-8 text that begins like a JSON object or list. */
export function isJwk(bytes: Uint8Array): boolean {
  return (
    isUtf8(bytes) &&
    /^\s*(\{\s*(["}]|$)|\[)/.test(view(withoutMark(bytes)).toString('latin1', 0, 100))
  )
}

type Jwk = Readonly<Record<string, unknown>>

/**
 * Reads the material in a JWK (RFC 7517): a private key, or `oct`. `alg` and `use` must not
 * contradict the type; they determine it if the length of `oct` does not. Parsing creates strings
 * of the secret, which can't be wiped.
 * @throws KeymgmtError FIELD_INVALID for a JWK Set, a public or encrypted JWK, or a key that can't
 * be imported.
 */
export function readJwk(bytes: Uint8Array, options: MaterialOptions): RecognisedMaterial {
  assertNoPassphrase(options)
  const jwk = parse(bytes)
  if (jwk.kty === 'oct') return readOct(jwk, options.type)
  const found = acceptPrivateKey(privateKey(jwk), 'JWK', options.type)
  if (!isUsableFor(found.type, jwk)) throw jwkUseError(found.type)
  return found
}

function parse(bytes: Uint8Array): Jwk {
  const value = wrapError(
    () => JSON.parse(view(withoutMark(bytes)).toString('utf8')) as unknown,
    () =>
      invalidMaterial(
        'the material is not the JSON of a JWK, or is truncated',
        'use another copy of the key',
      ),
  )
  const jwk = (typeof value === 'object' && value !== null ? value : {}) as Jwk
  assertSingle(value)
  if ('ciphertext' in jwk)
    throw invalidMaterial(
      'the material is an encrypted JWK (JWE), which keymgmt does not read',
      'decrypt it with the program that created it',
    )
  if ('kty' in jwk) return jwk
  const name = RESULTS.find((candidate) => typeof jwk[candidate] === 'string')
  throw invalidMaterial(
    'the material is JSON, but not a JWK: it has no "kty"',
    name === undefined
      ? 'a JWK is an object such as {"kty":"oct","k":"…"}'
      : pipe(`if "${name}" is the key, extract it: jq -r .${name} FILE`),
  )
}

/** Names of keys in the output of AWS's commands. */
const RESULTS = ['Plaintext', 'PrivateKeyPlaintext', 'SecretString', 'SecretBinary']

/** @throws KeymgmtError FIELD_INVALID for a list of bytes, or for several JWKs. */
function assertSingle(value: unknown): void {
  const data: unknown = isObject(value) && value.type === 'Buffer' ? value.data : value
  if (Array.isArray(data) && data.length > 0 && data.every(isByte))
    throw invalidMaterial(
      `the material is a JSON list of ${data.length} bytes`,
      pipe(
        `convert it: node -e 'fs.writeSync(1, Buffer.from(JSON.parse(fs.readFileSync(0))))' < FILE`,
      ),
    )
  const keys: unknown = isObject(value) && 'keys' in value ? value.keys : value
  if (!Array.isArray(keys)) return
  const count = keys.length === 1 ? 'one JWK' : `${keys.length} JWKs`
  throw invalidMaterial(
    `the material is a list of ${count}, and a JWK by itself is needed`,
    pipe(`extract the first one: jq '${keys === value ? '.[0]' : '.keys[0]'}' FILE`),
  )
}

function isObject(value: unknown): value is Jwk {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isByte(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 256
}

function privateKey(jwk: Jwk): KeyObject {
  const members = MEMBERS.get(jwk.kty)
  if (!members)
    throw invalidMaterial(
      'the "kty" of the JWK is not one that can be imported',
      'it must be RSA, EC, OKP or oct',
    )
  if (!('d' in jwk))
    throw invalidMaterial(
      'the material is a public key (JWK), and a private key is needed',
      'import the private key that belongs to it',
    )
  if ('oth' in jwk) throw multiPrimeError()
  const missing = members.filter(
    (name) => typeof jwk[name] !== 'string' || !/^[\w-]+$/.test(jwk[name]),
  )
  if (missing.length > 0)
    throw invalidMaterial(
      `the JWK lacks ${missing.map((name) => `"${name}"`).join(', ')}, or its value is not base64url text`,
      'export the complete private key from the program that created it',
    )

  const picked = Object.fromEntries(
    ['kty', ...members].map((name) => [name, jwk[name]]),
  ) as JsonWebKey
  // Newer Node.js compares the public half itself, but its error does not say so.
  const malformedJwkError = () =>
    invalidMaterial(
      'the JWK is malformed, or its halves belong to different keys, or its curve is not P-256, P-384, P-521, secp256k1 or Ed25519',
      'export the private key again from the program that created it',
    )
  const key = wrapError(() => createPrivateKey({ key: picked, format: 'jwk' }), malformedJwkError)
  // Node ignores the public half of an OKP.
  if (jwk.kty === 'OKP' && createPublicKey(key).export({ format: 'jwk' }).x !== jwk.x)
    throw publicKeyMismatchError()
  return key
}

function readOct(jwk: Jwk, wanted: KeyTypeName | undefined): RecognisedMaterial {
  const bytes = typeof jwk.k === 'string' ? decodeBase64(Buffer.from(jwk.k)) : undefined
  if (!bytes)
    throw invalidMaterial(
      'the JWK has no "k", or its value is not base64url text',
      'export the key again from the program that created it',
    )
  try {
    const types = (wanted === undefined ? KEY_TYPE_NAMES : [wanted]).filter((type) =>
      isUsableFor(type, jwk),
    )
    if (types.length === 0) throw jwkUseError(wanted)
    const fits = fitsOf([{ form: 'JWK', bytes }], types)
    if (fits.length === 0)
      throw invalidMaterial(`the JWK contains ${bytes.length} bytes`, needed(wanted))
    return chooseSecret(fits, false)
  } finally {
    bytes.fill(0)
  }
}

function isUsableFor(type: KeyTypeName, { alg, use }: Jwk): boolean {
  const row: { readonly use: readonly unknown[]; readonly alg: readonly unknown[] } = JWK_USES[type]
  return (
    (alg === undefined || row.alg.includes(alg)) && (use === undefined || row.use.includes(use))
  )
}

function jwkUseError(type: KeyTypeName | undefined) {
  if (type === undefined)
    return invalidMaterial(
      'no key type has the "alg" or "use" of the JWK',
      `key types: ${KEY_TYPE_NAMES.join(', ')}`,
    )
  const { use, alg } = JWK_USES[type]
  const allowed = [
    `"use" can be ${use.join(' or ')}`,
    ...(alg.length > 0 ? [`"alg" can be ${alg.join(', ')}`] : ['"alg" must be absent']),
  ]
  return invalidMaterial(
    `the "alg" or "use" of the JWK does not allow ${type}`,
    `with ${type}, ${allowed.join(', and ')}; a copy of the JWK without them is accepted too`,
  )
}
