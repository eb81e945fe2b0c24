import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  randomUUID,
  scrypt,
  type ScryptOptions,
} from 'node:crypto'
import { KeymgmtError } from '../errors.js'

/** The kinds of seal that a store can have. */
export type SealKind = 'keyfile' | 'passphrase'

/** Work factors of scrypt (RFC 7914). */
export interface ScryptFactors {
  /** CPU and memory cost, a power of 2. */
  readonly N: number
  /** Block size. */
  readonly r: number
  /** Parallelization. */
  readonly p: number
  /** Base64 of 16 random bytes. */
  readonly salt: string
}

/**
 * The header of a store, as it is stored: its id, and its root key wrapped by the seal. All fields
 * but `wrapped`, as JSON in this order, are the associated data of `wrapped`.
 */
export interface SealHeader {
  /** Version of the format. */
  readonly format: 1
  /** Id of the store. */
  readonly store_id: string
  /** The kind of seal. */
  readonly seal: SealKind
  /** Salt and work factors of a passphrase. */
  readonly kdf?: ScryptFactors
  /** Base64 of nonce (12 bytes), wrapped root key (32), tag (16). */
  readonly wrapped: string
}

/** The root key, 32 bytes, of one store. */
export interface RootKey {
  /** The 32 bytes of the root key. */
  readonly key: Uint8Array
  /** Id of the store. */
  readonly storeId: string
}

/** OWASP's minimum, used for new stores. */
const MIN_N = 2 ** 17
/**
 * Upper bound on scrypt's work (N·r·p) and, with it, on its memory (512 MiB): about 2 s on an
 * ordinary machine. The factors come from a file that somebody else may have written.
 */
const MAX_WORK = 2 ** 22

const ALGORITHM = 'aes-256-gcm'

/**
 * Creates a root key, and the header that contains it wrapped under `secret`: the keyfile's 32
 * bytes, or a passphrase.
 */
export async function createRootKey(
  seal: SealKind,
  secret: Uint8Array,
  storeId: string = randomUUID(),
): Promise<{ header: SealHeader; root: RootKey }> {
  const key = randomBytes(32)
  const unwrapped = {
    format: 1 as const,
    store_id: storeId,
    seal,
    ...(seal === 'passphrase' && {
      kdf: { N: MIN_N, r: 8, p: 1, salt: randomBytes(16).toString('base64') },
    }),
  }
  const wrapping = await wrappingKey(unwrapped, secret)
  try {
    const nonce = randomBytes(12)
    const cipher = createCipheriv(ALGORITHM, wrapping, nonce, { authTagLength: 16 })
    cipher.setAAD(Buffer.from(JSON.stringify(unwrapped)))
    const wrapped = Buffer.concat([
      nonce,
      cipher.update(key),
      cipher.final(),
      cipher.getAuthTag(),
    ]).toString('base64')
    return { header: { ...unwrapped, wrapped }, root: { key, storeId } }
  } finally {
    wrapping.fill(0)
  }
}

/**
 * Unwraps the root key in `header`.
 * @throws KeymgmtError STORE_SEALED if `secret` is wrong or the header was changed.
 */
export async function openRootKey(
  { wrapped, ...unwrapped }: SealHeader,
  secret: Uint8Array,
): Promise<RootKey> {
  const wrapping = await wrappingKey(unwrapped, secret)
  const bytes = Buffer.from(wrapped, 'base64')
  try {
    const decipher = createDecipheriv(ALGORITHM, wrapping, bytes.subarray(0, 12), {
      authTagLength: 16,
    })
    decipher.setAAD(Buffer.from(JSON.stringify(unwrapped)))
    decipher.setAuthTag(bytes.subarray(-16))
    const key = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
    return { key, storeId: unwrapped.store_id }
  } catch {
    const what = unwrapped.seal === 'passphrase' ? 'the passphrase' : 'the keyfile'
    throw new KeymgmtError('STORE_SEALED', `${what} does not open this store`, {
      hints: [`use ${what} that seals this store; nothing was changed`],
    })
  } finally {
    wrapping.fill(0)
  }
}

/**
 * Parses the header file of a store.
 * @throws KeymgmtError STORE_VERSION if a newer keymgmt wrote it, STORE_CORRUPT if it is invalid.
 */
export function parseSealHeader(text: string): SealHeader {
  const corruptError = () =>
    new KeymgmtError('STORE_CORRUPT', 'the header of the store (seal.json) is damaged', {
      hints: ['restore it from a backup'],
    })
  let header: Partial<SealHeader>
  try {
    header = (JSON.parse(text) ?? {}) as Partial<SealHeader>
  } catch {
    throw corruptError()
  }
  if (typeof header.format === 'number' && (header.format as number) > 1) {
    throw new KeymgmtError(
      'STORE_VERSION',
      `this store was written by a newer keymgmt (format ${header.format as number})`,
      { hints: ['use that version'] },
    )
  }
  const { format, store_id, seal, kdf, wrapped } = header
  if (
    format !== 1 ||
    typeof store_id !== 'string' ||
    typeof wrapped !== 'string' ||
    lengthOfBase64(wrapped) !== 60
  )
    throw corruptError()
  if (seal === 'keyfile' && kdf === undefined) return { format, store_id, seal, wrapped }
  if (seal !== 'passphrase' || !isScryptFactors(kdf)) throw corruptError()
  return { format, store_id, seal, kdf: { N: kdf.N, r: kdf.r, p: kdf.p, salt: kdf.salt }, wrapped }
}

function isScryptFactors(kdf: Partial<ScryptFactors> | null | undefined): kdf is ScryptFactors {
  const { N, r, p, salt } = kdf ?? {}
  return (
    typeof N === 'number' &&
    N >= MIN_N &&
    Number.isInteger(Math.log2(N)) &&
    r === 8 &&
    typeof p === 'number' &&
    Number.isInteger(p) &&
    p >= 1 &&
    N * r * p <= MAX_WORK &&
    typeof salt === 'string' &&
    lengthOfBase64(salt) === 16
  )
}

function lengthOfBase64(text: string): number {
  return Buffer.from(text, 'base64').length
}

async function wrappingKey(
  { kdf }: Omit<SealHeader, 'wrapped'>,
  secret: Uint8Array,
): Promise<Buffer> {
  if (!kdf) return Buffer.from(secret)
  const { N, r, p, salt } = kdf
  return deriveKey(secret, Buffer.from(salt, 'base64'), { N, r, p, maxmem: 256 * N * r })
}

function deriveKey(secret: Uint8Array, salt: Uint8Array, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, 32, options, (error, key) => {
      if (error) reject(error)
      else resolve(key)
    })
  })
}
