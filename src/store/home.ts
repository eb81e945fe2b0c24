import { join } from 'node:path'
import { createRootKey, openRootKey, parseSealHeader, type RootKey, type SealKind } from '../crypto/root-key.js'
import { wipe } from '../crypto/wipe.js'
import { KeymgmtError } from '../errors.js'
import { createFile } from './files.js'
import { createKeyfile, readKeyfile, readPrivate } from './keyfile.js'
import { createLocalStore, holdsRecords, type LocalStoreOptions } from './local.js'
import { assertPrivate, storageError } from './permissions.js'
import { createSealedStore, type Unlock } from './sealed.js'
import type { Store } from './store.js'

/** How a user's store is found and opened. */
export interface HomeOptions extends LocalStoreOptions {
  /** Where the keyfile is, or will be made. */
  readonly keyfile: string
  /** Asked when a passphrase is needed; undefined when there is none to be had. The bytes are wiped after use. */
  readonly passphrase?: () => Promise<Uint8Array | undefined>
  /** How a store that does not exist yet is sealed. */
  readonly createSeal?: SealKind
  /** Told the path of a keyfile that was just made: without it the store can't be opened. */
  readonly onKeyfileCreated?: (path: string) => void
}

/** How a store is sealed, for a person to read. */
export interface SealStatus {
  readonly kind: SealKind | 'none'
  readonly keyfile?: string
  /** The folder of the store. */
  readonly path: string
}

/** A user's store. Nothing is opened, and nothing made, before its first use. */
export interface OpenedHome {
  /** Sealed. Listing and locking need no key. */
  readonly store: Store
  seal(): Promise<SealStatus>
}

/** The sealed local store of one user. */
export function openHome(options: HomeOptions): OpenedHome {
  const records = createLocalStore(options)
  let root: Promise<RootKey> | undefined
  const unlock: Unlock = async (to) => {
    root ??= openOrCreate(options, records, to)
    try {
      return await root
    } catch (error) {
      root = undefined
      throw error
    }
  }
  return {
    store: createSealedStore(records, unlock),
    async seal() {
      await Promise.resolve()
      return describeSeal(options)
    },
  }
}

function describeSeal({ home, keyfile }: HomeOptions): SealStatus {
  const text = readHeader(home)
  if (text === undefined) return { kind: 'none', path: home }
  const { seal } = parseSealHeader(text)
  return { kind: seal, path: home, ...(seal === 'keyfile' && { keyfile }) }
}

async function openOrCreate(options: HomeOptions, records: Store, to: 'read' | 'write'): Promise<RootKey> {
  const text = readHeader(options.home)
  if (text !== undefined) return openExisting(options, text)
  if (to === 'read') throw headerMissing(options.home)
  const lock = await records.lock('seal', 'make the store')
  try {
    // Another command may have made it since.
    const made = readHeader(options.home)
    if (made !== undefined) return await openExisting(options, made)
    if (holdsRecords(options.home)) throw headerMissing(options.home)
    return await create(options)
  } finally {
    await lock.release()
  }
}

async function openExisting(options: HomeOptions, text: string): Promise<RootKey> {
  const header = parseSealHeader(text)
  const secret = header.seal === 'keyfile' ? readKeyfile(options.keyfile) : await askPassphrase(options)
  try {
    return await openRootKey(header, secret)
  } finally {
    wipe(secret)
  }
}

/** The keyfile is on the disk before anything is sealed under it; one that a crash left without a store is used. */
async function create(options: HomeOptions): Promise<RootKey> {
  const { home, keyfile, createSeal = 'keyfile', onKeyfileCreated } = options
  if (createSeal === 'keyfile' && createKeyfile(keyfile)) onKeyfileCreated?.(keyfile)
  const secret = createSeal === 'keyfile' ? readKeyfile(keyfile) : await askPassphrase(options)
  try {
    const { header, root } = await createRootKey(createSeal, secret)
    createFile(headerFile(home), `${JSON.stringify(header, null, 2)}\n`)
    return root
  } catch (error) {
    throw storageError(error, headerFile(home))
  } finally {
    wipe(secret)
  }
}

async function askPassphrase({ passphrase }: HomeOptions): Promise<Uint8Array> {
  const given = await passphrase?.()
  if (given && given.length > 0) return given
  throw new KeymgmtError('STORE_SEALED', 'the store is sealed with a passphrase, and none was given', {
    hints: ['set KEYMGMT_PASSPHRASE_FILE to a file that holds it, or run the command on a terminal'],
  })
}

function readHeader(home: string): string | undefined {
  assertPrivate(home)
  return readPrivate(headerFile(home))
}

function headerFile(home: string): string {
  return join(home, 'seal.json')
}

function headerMissing(home: string): KeymgmtError {
  return new KeymgmtError('STORE_SEALED', `the store ${home} has records but no root key: ${headerFile(home)} is missing`, {
    hints: ['restore that file from a backup; nothing was changed'],
  })
}
