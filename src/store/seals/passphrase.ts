import { randomBytes, scrypt, type ScryptOptions } from 'node:crypto'
import { damagedHeaderError, type SealEntry } from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import type { SealMeans } from './seal.js'
import { createSecretSeal } from './secret-seal.js'

/** Work factors of scrypt (RFC 7914). */
interface ScryptFactors {
  /** CPU and memory cost, a power of 2. */
  readonly N: number
  /** Block size. */
  readonly r: number
  /** Parallelization. */
  readonly p: number
  /** Base64 of 16 random bytes. */
  readonly salt: string
}

/** OWASP's minimum, used for new seals. */
const MIN_N = 2 ** 17
/**
 * Upper bound on scrypt's work (N·r·p) and, with it, on its memory (512 MiB): about 2 s on an
 * ordinary machine. The factors come from a file that somebody else may have written.
 */
const MAX_WORK = 2 ** 22

/** Wraps the root key under a key that scrypt derives from a passphrase. */
export const passphrase = createSecretSeal({
  kind: 'passphrase',
  label: 'the passphrase',
  create: async (means) => {
    const secret = await read(means, 'create', true)
    if (secret) return { secret }
    throw missingError()
  },
  find: async (means, _storeId, mayAsk) => {
    const secret = await read(means, 'open', mayAsk)
    return secret ? { secret } : { missing: missingError() }
  },
  createParameters: () => ({ N: MIN_N, r: 8, p: 1, salt: randomBytes(16).toString('base64') }),
  derive: (secret, parameters) => {
    const { N, r, p, salt } = parseFactors(parameters)
    return deriveKey(secret, Buffer.from(salt, 'base64'), { N, r, p, maxmem: 256 * N * r })
  },
})

async function read(
  { passphrase }: SealMeans,
  to: 'open' | 'create',
  mayAsk: boolean,
): Promise<Uint8Array | undefined> {
  const bytes = await passphrase?.(to, mayAsk)
  return bytes && bytes.length > 0 ? bytes : undefined
}

function missingError(): KeymgmtError {
  return new KeymgmtError('STORE_SEALED', 'the store needs a passphrase, and none was specified', {
    hints: ['set KEYMGMT_PASSPHRASE_FILE to a file with the passphrase, or run on a terminal'],
  })
}

/** @throws KeymgmtError STORE_CORRUPT for factors out of bounds. */
function parseFactors(parameters: SealEntry['parameters'] = {}): ScryptFactors {
  const { N, r, p, salt, ...others } = parameters
  if (
    typeof N === 'number' &&
    N >= MIN_N &&
    Number.isInteger(Math.log2(N)) &&
    r === 8 &&
    typeof p === 'number' &&
    Number.isInteger(p) &&
    p >= 1 &&
    N * r * p <= MAX_WORK &&
    typeof salt === 'string' &&
    Buffer.from(salt, 'base64').length === 16 &&
    Object.keys(others).length === 0
  )
    return { N, r, p, salt }
  throw damagedHeaderError()
}

function deriveKey(secret: Uint8Array, salt: Uint8Array, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, 32, options, (error, key) => {
      if (error) reject(error)
      else resolve(key)
    })
  })
}
