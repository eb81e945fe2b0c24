import { join } from 'node:path'
import {
  createRootKey,
  openRootKey,
  parseSealHeader,
  type RootKey,
  type SealKind,
} from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { createFile, removeDrafts } from './files.js'
import { createKeyfile, readKeyfile, readPrivate } from './keyfile.js'
import { createLocalStore, holdsRecords, type LocalStoreOptions } from './local.js'
import { assertPrivate, storageError } from './permissions.js'
import { createSealedStore } from './sealed.js'
import type { Store } from './store.js'

/** How a user's store is found and opened. */
export interface HomeOptions extends LocalStoreOptions {
  /** Where the keyfile is, or will be made. */
  readonly keyfile: string
  /**
   * Asked when a passphrase is needed: to open the store, or to create it under a new one. Answers
   * undefined when there is none to be had. The bytes are wiped after use.
   */
  readonly passphrase?: (to: 'open' | 'create') => Promise<Uint8Array | undefined>
  /** How a store that does not exist yet is sealed. */
  readonly createSeal?: SealKind
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
  const headerFile = join(options.home, 'seal.json')
  let root: Promise<RootKey | undefined> | undefined
  const unlock = async (to: 'read' | 'write'): Promise<RootKey | undefined> => {
    root ??= openOrCreate(options, headerFile, to)
    const opened = await root.catch((error: unknown) => {
      root = undefined
      throw error
    })
    if (!opened) root = undefined
    return opened
  }
  return {
    store: createSealedStore(records, unlock),
    seal: () => Promise.resolve().then(() => describeSeal(options, headerFile)),
  }
}

function describeSeal(options: HomeOptions, headerFile: string): SealStatus {
  const { home, keyfile } = options
  const text = readHeader(options, headerFile)
  if (text === undefined) return { kind: 'none', path: home }
  const { seal } = parseSealHeader(text)
  return { kind: seal, path: home, ...(seal === 'keyfile' && { keyfile }) }
}

async function openOrCreate(
  options: HomeOptions,
  headerFile: string,
  to: 'read' | 'write',
): Promise<RootKey | undefined> {
  const text = readHeader(options, headerFile)
  if (text !== undefined) {
    if (to === 'write') removeDrafts(headerFile)
    return openExisting(options, text)
  }
  if (holdsRecords(options.home)) {
    // Another first command may have made the store while this one was looking.
    const meanwhile = readHeader(options, headerFile)
    if (meanwhile !== undefined) return openExisting(options, meanwhile)
    throw new KeymgmtError(
      'STORE_SEALED',
      `the store ${options.home} has records but no root key: ${headerFile} is missing`,
      {
        hints: ['restore that file from a backup; nothing was changed'],
      },
    )
  }
  return to === 'read' ? undefined : create(options, headerFile)
}

async function openExisting(options: HomeOptions, text: string): Promise<RootKey> {
  const header = parseSealHeader(text)
  const secret =
    header.seal === 'keyfile' ? readKeyfile(options.keyfile) : await readPassphrase(options, 'open')
  try {
    return await openRootKey(header, secret)
  } finally {
    secret.fill(0)
  }
}

/**
 * The keyfile is on the disk before the head that needs it, and that before any record. Of several
 * first commands at once one makes the head; the others open it.
 */
async function create(options: HomeOptions, headerFile: string): Promise<RootKey> {
  const seal = options.createSeal ?? 'keyfile'
  const secret = seal === 'keyfile' ? makeKeyfile(options) : await readPassphrase(options, 'create')
  try {
    const { header, root } = await createRootKey(seal, secret)
    const text = `${JSON.stringify(header, null, 2)}\n`
    if (createFile(headerFile, text)) return root
  } catch (error) {
    throw storageError(error, headerFile)
  } finally {
    secret.fill(0)
  }
  return openExisting(options, readHeader(options, headerFile) ?? '')
}

function makeKeyfile({ keyfile, onKeyfileCreated }: HomeOptions): Buffer {
  if (createKeyfile(keyfile)) onKeyfileCreated?.(keyfile)
  return readKeyfile(keyfile)
}

async function readPassphrase(
  { passphrase }: HomeOptions,
  to: 'open' | 'create',
): Promise<Uint8Array> {
  const given = await passphrase?.(to)
  if (given && given.length > 0) return given
  throw new KeymgmtError(
    'STORE_SEALED',
    'the store is sealed with a passphrase, and none was given',
    {
      hints: [
        'set KEYMGMT_PASSPHRASE_FILE to a file that holds it, or run the command on a terminal',
      ],
    },
  )
}

function readHeader({ home }: HomeOptions, headerFile: string): string | undefined {
  assertPrivate(home)
  return readPrivate(headerFile)
}
