import {
  authenticateHeader,
  sealName,
  type RootKey,
  type SealEntry,
  type SealHeader,
} from '../../crypto/root-key.js'
import { KeymgmtError, type ErrorCode } from '../../errors.js'
import { inOrder, kindOf, loadSeal } from './index.js'
import type { SealMeans } from './seal.js'

/** The result of one seal of a store on this machine. */
export interface SealAttempt {
  /** The name of the seal, such as `keyfile` or `awskms:ARN`. */
  readonly name: string
  /** `untried` if the means of the seal are missing here. */
  readonly outcome: 'opens' | 'fails' | 'untried'
  /** The reason, unless it opens. */
  readonly error?: KeymgmtError
}

/** Opens the header of a store. */
export interface HeaderOpener {
  /**
   * Returns the root key. Tries the seals whose means are available, in a fixed order, and asks for
   * a passphrase only if no other seal opens.
   * @throws KeymgmtError STORE_SEALED if no seal opens it, with the reason for each; STORE_CORRUPT
   * if the header was changed; STORE_PERMISSIONS.
   */
  open(header: SealHeader): Promise<RootKey>
  /** Tries every seal, also after one has opened. Asks for nothing. */
  probe(header: SealHeader): Promise<readonly SealAttempt[]>
}

/** Opens each header once. A failed attempt can be repeated. */
export function createHeaderOpener(means: SealMeans): HeaderOpener {
  const opened = new Map<string, Promise<RootKey>>()
  return {
    async open(header) {
      const { mac } = header
      const root = opened.get(mac) ?? openHeader(header, means)
      opened.set(mac, root)
      try {
        return await root
      } catch (error) {
        opened.delete(mac)
        throw error
      }
    },
    probe: async (header) => {
      const attempts: SealAttempt[] = []
      for (const entry of header.seals) {
        const { key, ...attempt } = await tryEntry(header, entry, means, false)
        if (key) authenticateHeader(header, key).key.fill(0)
        attempts.push(attempt)
      }
      return attempts
    },
  }
}

async function openHeader(header: SealHeader, means: SealMeans): Promise<RootKey> {
  const attempts = new Map<SealEntry, Attempt>()
  const openWith = async (entry: SealEntry, mayAsk: boolean) => {
    const attempt = await tryEntry(header, entry, means, mayAsk)
    attempts.set(entry, attempt)
    return attempt.key && authenticateHeader(header, attempt.key)
  }
  for (const mayAsk of [false, true]) {
    for (const entry of inOrder(header.seals)) {
      // A seal that failed would fail again. Some of the others only lack the user's passphrase.
      if (mayAsk && attempts.get(entry)?.outcome !== 'untried') continue
      const root = await openWith(entry, mayAsk)
      if (root) return root
    }
  }
  throw sealedError([...attempts.values()])
}

interface Attempt extends SealAttempt {
  readonly key?: Uint8Array
}

/** Errors after which no other seal is tried. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'INTERRUPTED',
  'KMS_TIMEOUT',
  'STORE_CORRUPT',
  'STORE_PERMISSIONS',
])

async function tryEntry(
  { store_id }: SealHeader,
  entry: SealEntry,
  means: SealMeans,
  mayAsk: boolean,
): Promise<Attempt> {
  const name = sealName(entry)
  const seal = await loadSeal(kindOf(entry))
  try {
    const unwrapped = await seal.unwrap(entry, store_id, means, mayAsk)
    return 'key' in unwrapped
      ? { name, outcome: 'opens', key: unwrapped.key }
      : { name, outcome: 'untried', error: unwrapped.missing }
  } catch (error) {
    if (!(error instanceof KeymgmtError) || FINAL.has(error.code)) throw error
    return { name, outcome: 'fails', error }
  }
}

/**
 * PURE: the error of a store that no seal opens. For a single seal, it is the error of that seal.
 */
export function sealedError(attempts: readonly SealAttempt[]): KeymgmtError {
  const [first] = attempts
  if (first?.error && attempts.length === 1) return first.error
  const reasons = (outcome: SealAttempt['outcome']) =>
    attempts
      .filter((attempt) => attempt.outcome === outcome)
      .map(({ name, error }) => `${name} (${error?.message ?? ''})`)
  const [failed, untried] = [reasons('fails'), reasons('untried')]
  const parts = [
    ...(failed.length > 0 ? [`tried ${failed.join(', ')}`] : []),
    ...(untried.length > 0 ? [`not tried ${untried.join(', ')}`] : []),
  ]
  return new KeymgmtError(
    'STORE_SEALED',
    `none of the ${attempts.length} seals of this store opens it here: ${parts.join('; ')}`,
    {
      hints: attempts.flatMap(({ name, error }) =>
        (error?.hints ?? []).map((hint) => `${name}: ${hint}`),
      ),
      requestId: attempts.find(({ error }) => error?.requestId)?.error?.requestId,
    },
  )
}
