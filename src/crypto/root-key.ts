import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  randomUUID,
  timingSafeEqual,
} from 'node:crypto'
import { KeymgmtError } from '../errors.js'

/** One seal of a store, as it is stored: the root key, wrapped. Contains no secret. */
export interface SealEntry {
  /** The kind of seal, such as `keyfile`. */
  readonly kind: string
  /** Names the key of the seal, such as an ARN; absent for a kind that needs no name. */
  readonly id?: string
  /** Further parameters, such as the work factors of a passphrase. */
  readonly parameters?: Readonly<Record<string, string | number>>
  /** Base64 of the wrapped root key. Its form depends on the kind. */
  readonly wrapped: string
}

/**
 * The header of a store, as it is stored. Each seal opens it on its own. `mac` authenticates all
 * other fields under the root key: somebody who can write the header, but not open it, can neither
 * add a seal nor change one.
 */
export interface SealHeader {
  /** Version of the format. */
  readonly format: 1
  /** Id of the store, a UUID. */
  readonly store_id: string
  /** The seals, at least one. */
  readonly seals: readonly SealEntry[]
  /**
   * Base64 of the root key that this one replaces, wrapped under this one. Present until every
   * record is sealed under this one.
   */
  readonly previous?: string
  /** Base64 of the HMAC-SHA-256 of the other fields. */
  readonly mac: string
}

/** The root key, 32 bytes, of one store. */
export interface RootKey {
  /** The 32 bytes of the root key. */
  readonly key: Uint8Array
  /** Id of the store. */
  readonly storeId: string
  /** The root key that this one replaces, while some records may be sealed under it. */
  readonly previous?: Uint8Array
}

const FORMAT = 1
const KEY_LENGTH = 32
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const ALGORITHM = 'aes-256-gcm'
const MAC_LABEL = 'keymgmt seal header v1'

/** Upper bounds: the header comes from a file that somebody else may have written. */
const MAX_SEALS = 32
const MAX_WRAPPED_LENGTH = 16_384

/** Creates the root key of a new store. */
export function createRootKey(storeId: string = randomUUID()): RootKey {
  return { key: randomBytes(KEY_LENGTH), storeId }
}

/** Returns the header of the store with these seals, which all wrap `root`. */
export function createSealHeader(root: RootKey, seals: readonly SealEntry[]): SealHeader {
  const { key, storeId, previous } = root
  const fields = {
    format: FORMAT,
    store_id: storeId,
    seals,
    ...(previous && {
      previous: wrapRootKey(key, { key: previous, storeId }, previousBinding(storeId)),
    }),
  } as const
  return { ...fields, mac: macOf(key, fields).toString('base64') }
}

/** Returns the header without the previous root key. */
export function withoutPrevious(header: SealHeader, { key, storeId }: RootKey): SealHeader {
  return header.previous === undefined ? header : createSealHeader({ key, storeId }, header.seals)
}

function previousBinding(storeId: string): SealBinding {
  return { storeId, kind: 'previous' }
}

/**
 * Returns the root key of a header, after `key` has proven that nothing in the header was changed.
 * @throws KeymgmtError STORE_CORRUPT
 */
export function authenticateHeader(header: SealHeader, key: Uint8Array): RootKey {
  const { mac, ...fields } = header
  const given = Buffer.from(mac, 'base64')
  const expected = macOf(key, fields)
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw damagedHeaderError()
  const storeId = header.store_id
  if (header.previous === undefined) return { key, storeId }
  const previous = unwrapRootKey(key, header.previous, previousBinding(storeId))
  if (!previous) throw damagedHeaderError()
  return { key, storeId, previous }
}

/** The root key seals records, too: a key derived from it authenticates the header. */
function macOf(rootKey: Uint8Array, fields: Omit<SealHeader, 'mac'>): Buffer {
  const derived = createHmac('sha256', rootKey).update(MAC_LABEL).digest()
  try {
    return createHmac('sha256', derived).update(JSON.stringify(fields)).digest()
  } finally {
    derived.fill(0)
  }
}

/** The fields of a seal that its wrapped root key is bound to. */
export type SealBinding = Omit<SealEntry, 'wrapped'> & { readonly storeId: string }

function associatedData({ storeId, kind, id, parameters }: SealBinding): Buffer {
  return Buffer.from(JSON.stringify({ format: FORMAT, store_id: storeId, kind, id, parameters }))
}

/**
 * Wraps the root key with AES-256-GCM under `wrapping`, 32 bytes. Returns base64 of nonce (12
 * bytes), wrapped key (32) and tag (16).
 */
export function wrapRootKey(wrapping: Uint8Array, { key }: RootKey, binding: SealBinding): string {
  const nonce = randomBytes(NONCE_LENGTH)
  const cipher = createCipheriv(ALGORITHM, wrapping, nonce, { authTagLength: TAG_LENGTH })
  cipher.setAAD(associatedData(binding))
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString(
    'base64',
  )
}

/**
 * Unwraps what {@link wrapRootKey} wrapped; undefined if the key, the binding or a byte differs.
 * The caller wipes the result.
 */
export function unwrapRootKey(
  wrapping: Uint8Array,
  wrapped: string,
  binding: SealBinding,
): Buffer | undefined {
  const bytes = Buffer.from(wrapped, 'base64')
  if (bytes.length !== NONCE_LENGTH + KEY_LENGTH + TAG_LENGTH) throw damagedHeaderError()
  const decipher = createDecipheriv(ALGORITHM, wrapping, bytes.subarray(0, NONCE_LENGTH), {
    authTagLength: TAG_LENGTH,
  })
  decipher.setAAD(associatedData(binding))
  decipher.setAuthTag(bytes.subarray(-TAG_LENGTH))
  const key = decipher.update(bytes.subarray(NONCE_LENGTH, -TAG_LENGTH))
  try {
    decipher.final()
    return key
  } catch {
    key.fill(0)
    return undefined
  }
}

/** The name of a seal, by which a user adds or removes it: its kind, and its id if it has one. */
export function sealName({ kind, id }: Pick<SealEntry, 'kind' | 'id'>): string {
  return id === undefined ? kind : `${kind}:${id}`
}

/** The text of a header. {@link parseSealHeader} is the inverse. */
export function formatSealHeader(header: SealHeader): string {
  return `${JSON.stringify(header, null, 2)}\n`
}

/**
 * Parses the header file of a store. Nothing in it is authenticated yet.
 * @throws KeymgmtError STORE_VERSION if a newer keymgmt wrote it, STORE_CORRUPT if it is invalid.
 */
export function parseSealHeader(text: string): SealHeader {
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch {
    throw damagedHeaderError()
  }
  if (!isObject(header)) throw damagedHeaderError()
  const { format, store_id, seals, previous, mac } = header
  if (typeof format === 'number' && format > FORMAT) {
    throw new KeymgmtError(
      'STORE_VERSION',
      `this store was written by a newer keymgmt (format ${format})`,
      { hints: ['use that version'] },
    )
  }
  if (
    format !== FORMAT ||
    hasOthers(header, ['format', 'store_id', 'seals', 'previous', 'mac']) ||
    !isUuid(store_id) ||
    !isBase64(mac, 44) ||
    !(previous === undefined || isBase64(previous, MAX_WRAPPED_LENGTH)) ||
    !Array.isArray(seals) ||
    seals.length === 0 ||
    seals.length > MAX_SEALS
  )
    throw damagedHeaderError()
  return {
    format,
    store_id,
    seals: seals.map(parseEntry),
    ...(previous !== undefined && { previous }),
    mac,
  }
}

function parseEntry(entry: unknown): SealEntry {
  if (!isObject(entry) || hasOthers(entry, ['kind', 'id', 'parameters', 'wrapped']))
    throw damagedHeaderError()
  const { kind, id, parameters, wrapped } = entry
  if (
    typeof kind !== 'string' ||
    !(id === undefined || typeof id === 'string') ||
    !(parameters === undefined || isParameters(parameters)) ||
    !isBase64(wrapped, MAX_WRAPPED_LENGTH)
  )
    throw damagedHeaderError()
  return {
    kind,
    ...(id !== undefined && { id }),
    ...(parameters !== undefined && { parameters }),
    wrapped,
  }
}

/** The error of a header that was changed or that keymgmt did not write. */
export function damagedHeaderError(): KeymgmtError {
  return new KeymgmtError('STORE_CORRUPT', 'the header of the store (seal.json) is damaged', {
    hints: ['restore it from a backup'],
  })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function hasOthers(object: object, known: readonly string[]): boolean {
  return Object.keys(object).some((name) => !known.includes(name))
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)
}

function isBase64(value: unknown, maxLength: number): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= maxLength &&
    Buffer.from(value, 'base64').toString('base64') === value
  )
}

function isParameters(value: unknown): value is Readonly<Record<string, string | number>> {
  return (
    isObject(value) &&
    Object.values(value).every((each) => typeof each === 'string' || typeof each === 'number')
  )
}
