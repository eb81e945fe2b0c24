import { timingSafeEqual } from 'node:crypto'
import {
  unwrapRootKey,
  wrapRootKey,
  type RootKey,
  type SealBinding,
  type SealEntry,
} from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import type { NewSeal, Seal, SealMeans, Unwrapped } from './seal.js'

type Parameters = SealEntry['parameters']

/** A secret that seals a store. */
export interface SecretSource {
  readonly kind: string
  /** Names the secret in messages. */
  readonly label: string
  /**
   * Returns the secret of a new seal, and the file that was created for it. The caller wipes it.
   */
  create(means: SealMeans, storeId: string): Promise<{ secret: Uint8Array; createdFile?: string }>
  /** Returns the secret of an existing seal, or the error of a missing one. */
  find(
    means: SealMeans,
    storeId: string,
    mayAsk: boolean,
  ): Promise<{ secret: Uint8Array } | { missing: KeymgmtError }>
  /** Returns the parameters of a new seal. */
  createParameters(): Parameters
  /**
   * Derives the wrapping key, 32 bytes, which the caller wipes.
   * @throws KeymgmtError STORE_CORRUPT for parameters that no seal of this kind has.
   */
  derive(secret: Uint8Array, parameters: Parameters): Promise<Uint8Array>
}

/** Creates a kind of seal that wraps the root key with AES-256-GCM under a secret. */
export function createSecretSeal(source: SecretSource): Seal {
  const open = async (entry: SealEntry, storeId: string, secret: Uint8Array) => {
    const wrapping = await source.derive(secret, entry.parameters)
    try {
      return unwrapRootKey(wrapping, entry.wrapped, bindingOf(entry, storeId))
    } finally {
      wrapping.fill(0)
    }
  }
  const seal = async (root: RootKey, secret: Uint8Array): Promise<SealEntry> => {
    const parameters = source.createParameters()
    const fields = { kind: source.kind, ...(parameters && { parameters }) }
    const wrapping = await source.derive(secret, parameters)
    try {
      const wrapped = wrapRootKey(wrapping, root, { ...fields, storeId: root.storeId })
      return { ...fields, wrapped }
    } finally {
      wrapping.fill(0)
    }
  }
  return {
    async wrap(root, _id, means): Promise<NewSeal> {
      const { secret, createdFile } = await source.create(means, root.storeId)
      try {
        const entry = await seal(root, secret)
        assertOpens(await open(entry, root.storeId, secret), root)
        return { entry, createdFile, isProven: true }
      } finally {
        secret.fill(0)
      }
    },
    async rewrap(entry, root, means) {
      const found = await source.find(means, root.storeId, true)
      if ('missing' in found) throw found.missing
      try {
        const current = await open(entry, root.storeId, found.secret)
        if (!current) throw wrongSecretError(source.label)
        current.fill(0)
        const rewrapped = await seal(root, found.secret)
        assertOpens(await open(rewrapped, root.storeId, found.secret), root)
        return rewrapped
      } finally {
        found.secret.fill(0)
      }
    },
    async unwrap(entry, storeId, means, mayAsk): Promise<Unwrapped> {
      const found = await source.find(means, storeId, mayAsk)
      if ('missing' in found) return found
      try {
        const key = await open(entry, storeId, found.secret)
        if (key) return { key }
        throw wrongSecretError(source.label)
      } finally {
        found.secret.fill(0)
      }
    },
  }
}

function bindingOf({ kind, id, parameters }: SealEntry, storeId: string): SealBinding {
  return { storeId, kind, ...(id !== undefined && { id }), ...(parameters && { parameters }) }
}

/** Proves that a seal returned the root key, before a store relies on it. Wipes the copy. */
export function assertOpens(opened: Uint8Array | undefined, { key }: RootKey): void {
  const isSame = opened?.length === key.length && timingSafeEqual(opened, key)
  opened?.fill(0)
  if (!isSame) throw new Error('a new seal must open the root key')
}

function wrongSecretError(label: string): KeymgmtError {
  return new KeymgmtError('STORE_SEALED', `${label} does not open this store`, {
    hints: [`use ${label} that seals this store; nothing was changed`],
  })
}
