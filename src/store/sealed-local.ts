import { join } from 'node:path'
import {
  createRootKey,
  openRootKey,
  parseSealHeader,
  type RootKey,
  type SealHeader,
  type SealKind,
} from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { createFile, removeDrafts } from './atomic-file.js'
import { exists } from './files.js'
import { assertFoldersAbove } from './folders-above.js'
import { createKeyfile, readKeyfile } from './keyfile.js'
import { createLocalStore, holdsRecords, type LocalStoreOptions } from './local.js'
import { assertPrivate, storageError } from './permissions.js'
import { readPrivateFile } from './private-file.js'
import { assertRestored, createStoreSeals, type StoreSeals } from './restoring.js'
import { createSealedStore } from './sealed.js'
import type { Store } from './store.js'

/** Options of a sealed local store. */
export interface SealedLocalStoreOptions extends LocalStoreOptions {
  /** The location of the keyfile. A new store creates it if it doesn't exist. */
  readonly keyfile: string
  /**
   * Returns the passphrase that opens the store, or that seals a new one; undefined if the user
   * gives none. The bytes are wiped after use.
   */
  readonly passphrase?: ((to: 'open' | 'create') => Promise<Uint8Array | undefined>) | undefined
  /** The seal of a new store. The default is `keyfile`. */
  readonly createSeal?: SealKind
  /** Receives a description of the store after it was created. */
  readonly onCreated?: (created: CreatedStore) => void
  /**
   * If given, no store is created, and one that doesn't exist is not read either: every use of it
   * fails with this error.
   */
  readonly missingError?: (() => Error) | undefined
}

/** Describes a store and its seal to the user. */
export interface SealStatus {
  /** `none` if the store doesn't exist yet. */
  readonly kind: SealKind | 'none'
  /** The keyfile that seals the store, if one does. */
  readonly keyfile?: string
  /** The store's folder. */
  readonly path: string
}

/** A store that was just created. */
export interface CreatedStore extends SealStatus {
  /** True if the keyfile was created with it. */
  readonly isKeyfileNew: boolean
}

/** A sealed store. It is opened or created when it is first used. */
export interface OpenedStore {
  /** To list and to lock needs no root key. */
  readonly store: Store
  /** Describes the seal. Opens nothing. */
  seal(): Promise<SealStatus>
  /** The parts of the seal that a snapshot needs. */
  readonly seals: StoreSeals
}

/** True if a store was created in `storeDir`. */
export function storeExists(storeDir: string): boolean {
  return exists(headerOf(storeDir))
}

function headerOf(storeDir: string): string {
  return join(storeDir, 'seal.json')
}

/** Returns the sealed store in `storeDir`. Nothing is read or created yet. */
export function openSealedLocalStore(options: SealedLocalStoreOptions): OpenedStore {
  const records = createLocalStore(options)
  const headerFile = headerOf(options.storeDir)
  let root: Promise<RootKey | undefined> | undefined
  /** True in the process that restores a snapshot. */
  let restores = false
  /** Asks for the passphrase once, also if a snapshot has the same header. */
  const openOnce = createHeaderOpener(options)
  const unlock = async (to: 'read' | 'write'): Promise<RootKey | undefined> => {
    if (!root && !restores) assertRestored(options.storeDir)
    root ??= openOrCreate(options, headerFile, to, openOnce)
    const opened = await root.catch((error: unknown) => {
      root = undefined
      throw error
    })
    if (!opened) root = undefined
    return opened
  }
  const store = createSealedStore(records, unlock)
  return {
    store: options.missingError
      ? refuseMissing(store, () => readHeader(options, headerFile), options.missingError)
      : store,
    seal: () => Promise.resolve().then(() => describeSeal(options, headerFile)),
    seals: createStoreSeals({
      storeDir: options.storeDir,
      headerFile,
      readHeader: () => readHeader(options, headerFile),
      open: openOnce,
      allow: () => {
        restores = true
      },
    }),
  }
}

/** A store whose every use fails if it does not exist. */
function refuseMissing(
  store: Store,
  readHeaderText: () => string | undefined,
  missingError: () => Error,
): Store {
  const checked =
    <Args extends unknown[], Result>(use: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      if (readHeaderText() === undefined) throw missingError()
      return use(...args)
    }
  return {
    id: checked(() => store.id()),
    get: checked((path) => store.get(path)),
    put: checked((path, value, expected) => store.put(path, value, expected)),
    list: checked((path) => store.list(path)),
    delete: checked((path, expected) => store.delete(path, expected)),
    lock: checked((name, purpose) => store.lock(name, purpose)),
  }
}

function describeSeal(options: SealedLocalStoreOptions, headerFile: string): SealStatus {
  const { storeDir, keyfile } = options
  const text = readHeader(options, headerFile)
  if (text === undefined) return { kind: 'none', path: storeDir }
  const { seal } = parseSealHeader(text)
  return { kind: seal, path: storeDir, ...(seal === 'keyfile' && { keyfile }) }
}

async function openOrCreate(
  options: SealedLocalStoreOptions,
  headerFile: string,
  to: 'read' | 'write',
  open: HeaderOpener,
): Promise<RootKey | undefined> {
  const text = readHeader(options, headerFile)
  if (text !== undefined) {
    if (to === 'write') removeDrafts(headerFile)
    return open(parseSealHeader(text))
  }
  if (holdsRecords(options.storeDir)) {
    // Another command may have created the store after the first look.
    const created = readHeader(options, headerFile)
    if (created !== undefined) return open(parseSealHeader(created))
    throw new KeymgmtError(
      'STORE_SEALED',
      `the store ${options.storeDir} has records but no root key: ${headerFile} is missing`,
      { hints: ['restore the file from a backup; nothing was changed'] },
    )
  }
  return to === 'read' ? undefined : create(options, headerFile)
}

type HeaderOpener = (header: SealHeader) => Promise<RootKey>

/** Opens each header once. One that did not open can be tried again. */
function createHeaderOpener(options: SealedLocalStoreOptions): HeaderOpener {
  const opened = new Map<string, Promise<RootKey>>()
  return async (header) => {
    const { wrapped } = header
    const root = opened.get(wrapped) ?? openHeader(options, header)
    opened.set(wrapped, root)
    try {
      return await root
    } catch (error) {
      opened.delete(wrapped)
      throw error
    }
  }
}

async function openHeader(options: SealedLocalStoreOptions, header: SealHeader): Promise<RootKey> {
  const secret =
    header.seal === 'keyfile' ? readKeyfile(options.keyfile) : await readPassphrase(options, 'open')
  try {
    return await openRootKey(header, secret)
  } finally {
    secret.fill(0)
  }
}

/**
 * Writes the keyfile before the header that needs it, and the header before any record. If several
 * commands create the store at once, one of them writes the header and the others open it.
 */
async function create(options: SealedLocalStoreOptions, headerFile: string): Promise<RootKey> {
  const kind = options.createSeal ?? 'keyfile'
  const { storeDir: path, keyfile } = options
  const isKeyfileNew = kind === 'keyfile' && createKeyfile(keyfile)
  const secret = kind === 'keyfile' ? readKeyfile(keyfile) : await readPassphrase(options, 'create')
  try {
    const { header, root } = await createRootKey(kind, secret)
    const text = `${JSON.stringify(header, null, 2)}\n`
    if (createFile(headerFile, text)) {
      options.onCreated?.({ kind, path, ...(kind === 'keyfile' && { keyfile }), isKeyfileNew })
      return root
    }
  } catch (error) {
    throw storageError(error, headerFile)
  } finally {
    secret.fill(0)
  }
  return openHeader(options, parseSealHeader(readHeader(options, headerFile) ?? ''))
}

async function readPassphrase(
  { passphrase }: SealedLocalStoreOptions,
  to: 'open' | 'create',
): Promise<Uint8Array> {
  const bytes = await passphrase?.(to)
  if (bytes && bytes.length > 0) return bytes
  throw new KeymgmtError('STORE_SEALED', 'the store needs a passphrase, and none was specified', {
    hints: ['set KEYMGMT_PASSPHRASE_FILE to a file with the passphrase, or run on a terminal'],
  })
}

function readHeader({ storeDir }: SealedLocalStoreOptions, headerFile: string): string | undefined {
  assertFoldersAbove(storeDir, 'keep')
  assertPrivate(storeDir)
  return readPrivateFile(headerFile)
}
