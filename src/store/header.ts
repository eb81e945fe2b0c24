import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import {
  createRootKey,
  openRootKey,
  type RootKey,
  type SealHeader,
  type SealKind,
} from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { createKeyfile, readKeyfile } from './keyfile.js'

/** The means that open a store, or that seal a new one. */
export interface SealMeans {
  /** Returns the location of the keyfile of the store with this id. */
  readonly keyfileOf: (storeId: string) => string
  /**
   * Returns the passphrase that opens the store, or that seals a new one; undefined if the user
   * gives none. The bytes are wiped after use.
   */
  readonly passphrase?: ((to: 'open' | 'create') => Promise<Uint8Array | undefined>) | undefined
}

/** Opens the header of a store. */
export type HeaderOpener = (header: SealHeader) => Promise<RootKey>

/** Opens each header once. A failed attempt can be repeated. */
export function createHeaderOpener(means: SealMeans): HeaderOpener {
  const opened = new Map<string, Promise<RootKey>>()
  return async (header) => {
    const { wrapped } = header
    const root = opened.get(wrapped) ?? openHeader(means, header)
    opened.set(wrapped, root)
    try {
      return await root
    } catch (error) {
      opened.delete(wrapped)
      throw error
    }
  }
}

async function openHeader(means: SealMeans, header: SealHeader): Promise<RootKey> {
  const secret =
    header.seal === 'keyfile'
      ? readKeyfile(means.keyfileOf(header.store_id))
      : await readPassphrase(means, 'open')
  try {
    return await openRootKey(header, secret)
  } finally {
    secret.fill(0)
  }
}

/** The header of a store to create. */
export interface NewHeader {
  readonly header: SealHeader
  readonly root: RootKey
  /** The keyfile, if it seals the store. */
  readonly keyfile?: string
  /** True if the keyfile was created for the store. */
  readonly isKeyfileNew: boolean
  /** Removes the keyfile, if it was created for a store that then was not. */
  readonly discard: () => void
}

/** Creates a header. A keyfile is on disk before the header that needs it. */
export async function createHeader(
  means: SealMeans,
  kind: SealKind = 'keyfile',
): Promise<NewHeader> {
  const storeId = randomUUID()
  const keyfile = kind === 'keyfile' ? means.keyfileOf(storeId) : undefined
  const isKeyfileNew = keyfile !== undefined && createKeyfile(keyfile)
  const secret =
    keyfile === undefined ? await readPassphrase(means, 'create') : readKeyfile(keyfile)
  try {
    const created = await createRootKey(kind, secret, storeId)
    return {
      ...created,
      ...(keyfile !== undefined && { keyfile }),
      isKeyfileNew,
      discard: () => {
        if (keyfile !== undefined && isKeyfileNew) rmSync(keyfile, { force: true })
      },
    }
  } finally {
    secret.fill(0)
  }
}

/** The text of a header. `parseSealHeader` is the inverse. */
export function formatHeader(header: SealHeader): string {
  return `${JSON.stringify(header, null, 2)}\n`
}

async function readPassphrase(
  { passphrase }: SealMeans,
  to: 'open' | 'create',
): Promise<Uint8Array> {
  const bytes = await passphrase?.(to)
  if (bytes && bytes.length > 0) return bytes
  throw new KeymgmtError('STORE_SEALED', 'the store needs a passphrase, and none was specified', {
    hints: ['set KEYMGMT_PASSPHRASE_FILE to a file with the passphrase, or run on a terminal'],
  })
}

/** The error of creating a store where one exists. */
export function storeExistsError(store: string): KeymgmtError {
  return new KeymgmtError('STORE_EXISTS', `a store already exists in ${store}`, {
    hints: ['to see its seal: keymgmt status; nothing was changed'],
  })
}
