import { join } from 'node:path'
import {
  formatSealHeader,
  parseSealHeader,
  sealName,
  type RootKey,
  type SealHeader,
} from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { createFile, removeDrafts } from './atomic-file.js'
import { exists } from './files.js'
import { assertFoldersAbove } from './folders-above.js'
import { createLocalStore, holdsRecords, type LocalStoreOptions } from './local.js'
import { assertPrivate, storageError } from './permissions.js'
import { readPrivateFile } from './private-file.js'
import { createLazySeals } from './lazy-seals.js'
import type { StorePlace } from './place.js'
import { createSealedStore } from './sealed.js'
import { createHeader } from './seals/create.js'
import type { SealName } from './seals/index.js'
import { createHeaderOpener, type HeaderOpener } from './seals/open.js'
import type { SealMeans } from './seals/seal.js'
import { storeExistsError, type StoreSeals } from './seals/store-seals.js'
import { checkEachUse, createStateChecks } from './state-checks.js'
import type { Store, Versioning } from './store.js'

/** Options of a sealed local store. */
export interface SealedLocalStoreOptions extends LocalStoreOptions, Omit<SealMeans, 'keyfileOf'> {
  /** The location of the keyfile. A new store creates it if it doesn't exist. */
  readonly keyfile: string
  /** The seals of a new store. The default is a keyfile. */
  readonly createSeals?: readonly SealName[] | undefined
  /** Receives a description of the store after it was created. */
  readonly onCreated?: (created: CreatedStore) => void
  /** Receives a notice if the store that is read has moved to another place. */
  readonly onMoved?: ((notice: string) => void) | undefined
  /**
   * If given, no store is created, and one that doesn't exist is not read either: every use of it
   * fails with this error.
   */
  readonly missingError?: (() => Error) | undefined
}

/** Describes a store and its seals to the user. */
export interface SealStatus {
  /**
   * The names of the seals, such as `keyfile` or `awskms:ARN`; empty if the store doesn't exist
   * yet. Nothing has proven them.
   */
  readonly seals: readonly string[]
  /** The ARNs of the KMS keys that seal the store. */
  readonly kmsKeys: readonly string[]
  /** The keyfile that seals the store, if one does. */
  readonly keyfile?: string
  /** The store's folder, or its URL. */
  readonly path: string
}

/** A store that was just created. */
export interface CreatedStore extends SealStatus {
  /** True if the keyfile was created with it. */
  readonly isKeyfileNew: boolean
}

/** A sealed store. It is opened or created when it is first used. */
export interface OpenedStore {
  /** Listing and locking need no root key. */
  readonly store: Store
  /** Describes the seals. Opens nothing. */
  seal(): Promise<SealStatus>
  /** Access to the seals. */
  readonly seals: StoreSeals
  /** Returns the place of the store, where records are sealed bytes. */
  place(): Promise<StorePlace>
  /**
   * Creates the store.
   * @throws KeymgmtError STORE_EXISTS if it exists.
   */
  initialize(): Promise<CreatedStore>
  /**
   * Proves that the server of a shared store keeps the conditions that the store depends on.
   * Returns the number of requests with conditions; undefined for a local store.
   * @throws KeymgmtError STORE_UNAVAILABLE, with the rule that the server breaks.
   */
  testBackend(): Promise<number | undefined>
  /** Returns the versioning of the bucket that has the store; undefined for a local store. */
  versioning(): Promise<Versioning | undefined>
}

/** True if a store was created in `storeDir`. */
export function storeExists(storeDir: string): boolean {
  return exists(headerOf(storeDir))
}

function headerOf(storeDir: string): string {
  return join(storeDir, 'seal.json')
}

/** Returns the sealed store in `storeDir`. Nothing is read or created yet. */
export function openSealedLocalStore(given: SealedLocalStoreOptions): OpenedStore {
  let created: CreatedStore | undefined
  const options: SealedLocalStoreOptions = {
    ...given,
    onCreated: (store) => {
      created = store
      given.onCreated?.(store)
    },
  }
  const headerFile = headerOf(options.storeDir)
  let root: Promise<Unlocked | undefined> | undefined
  /** The header whose root key is in use. */
  let known: string | undefined
  /** True in the process that restores a snapshot. */
  let restores = false
  /** Asks for the passphrase once, also if a snapshot has the same header. */
  const means = meansOf(options)
  const opener = createHeaderOpener(means)
  /** Lets the next use open the header again, if another command has replaced it. */
  const look = () => {
    if (readHeader(options, headerFile) !== known) root = undefined
  }
  const unlock = async (to: 'read' | 'write' | 'again'): Promise<RootKey | undefined> => {
    if (to === 'again') look()
    root ??= openOrCreate(options, headerFile, to === 'write' ? to : 'read', opener)
    const opened = await root.catch((error: unknown) => {
      root = undefined
      throw error
    })
    if (!opened) root = undefined
    known = opened?.text
    return opened?.root
  }
  const state = createStateChecks(options, () => restores)
  const place = async () => (await import('./local-place.js')).createLocalPlace(options, headerFile)
  const sealed = createSealedStore(createLocalStore(options), unlock, async () => {
    await state.assertWritable()
    return async () => {
      await state.assertWritable()
      look()
    }
  })
  const assertExists = () => {
    if (options.missingError && readHeader(options, headerFile) === undefined)
      throw options.missingError()
  }
  return {
    store: checkEachUse(sealed, assertExists, state, look),
    place,
    seal: () => Promise.resolve().then(() => describeSeal(options, headerFile)),
    seals: createLazySeals(async () => {
      const { createStoreSeals } = await import('./restoring.js')
      return createStoreSeals({
        place: await place(),
        means,
        opener,
        allow: () => {
          restores = true
        },
        changed: look,
      })
    }),
    async initialize() {
      if (readHeader(options, headerFile) === undefined) await unlock('write')
      if (created) return created
      throw storeExistsError(options.storeDir)
    },
    testBackend: () => Promise.resolve(undefined),
    versioning: () => Promise.resolve(undefined),
  }
}

function describeSeal(options: SealedLocalStoreOptions, headerFile: string): SealStatus {
  const { storeDir, keyfile } = options
  const text = readHeader(options, headerFile)
  if (text === undefined) return { seals: [], kmsKeys: [], path: storeDir }
  return statusOf(storeDir, parseSealHeader(text), () => keyfile)
}

/** PURE: describes the store at `path` with this header. */
export function statusOf(
  path: string,
  { store_id, seals }: SealHeader,
  keyfileOf: SealMeans['keyfileOf'],
): SealStatus {
  const hasKeyfile = seals.some(({ kind }) => kind === 'keyfile')
  return {
    seals: seals.map(sealName),
    kmsKeys: seals.flatMap(({ kind, id }) => (kind === 'awskms' && id !== undefined ? [id] : [])),
    path,
    ...(hasKeyfile && { keyfile: keyfileOf(store_id) }),
  }
}

/** A root key, and the text of the header that contains it. */
interface Unlocked {
  readonly text: string
  readonly root: RootKey
}

async function openText(text: string, opener: HeaderOpener): Promise<Unlocked> {
  return { text, root: await opener.open(parseSealHeader(text)) }
}

async function openOrCreate(
  options: SealedLocalStoreOptions,
  headerFile: string,
  to: 'read' | 'write',
  opener: HeaderOpener,
): Promise<Unlocked | undefined> {
  const text = readHeader(options, headerFile)
  if (text !== undefined) {
    if (to === 'write') removeDrafts(headerFile)
    return openText(text, opener)
  }
  if (holdsRecords(options.storeDir)) {
    // Another command may have created the store after the first look.
    const created = readHeader(options, headerFile)
    if (created !== undefined) return openText(created, opener)
    throw new KeymgmtError(
      'STORE_SEALED',
      `the store ${options.storeDir} has records but no root key: ${headerFile} is missing`,
      { hints: ['restore the file from a backup; nothing was changed'] },
    )
  }
  return to === 'read' ? undefined : create(options, headerFile, opener)
}

/**
 * Writes the header before any record. If several commands create the store at once, one of them
 * writes the header and the others open it.
 */
async function create(
  options: SealedLocalStoreOptions,
  headerFile: string,
  opener: HeaderOpener,
): Promise<Unlocked> {
  const means = meansOf(options)
  try {
    const { header, root, createdKeyfile } = await createHeader(means, options.createSeals)
    const text = formatSealHeader(header)
    if (createFile(headerFile, text)) {
      const status = statusOf(options.storeDir, header, means.keyfileOf)
      options.onCreated?.({ ...status, isKeyfileNew: createdKeyfile !== undefined })
      return { text, root }
    }
  } catch (error) {
    throw storageError(error, headerFile)
  }
  return openText(readHeader(options, headerFile) ?? '', opener)
}

function meansOf(options: SealedLocalStoreOptions): SealMeans {
  return { ...options, keyfileOf: () => options.keyfile }
}

function readHeader({ storeDir }: SealedLocalStoreOptions, headerFile: string): string | undefined {
  assertFoldersAbove(storeDir, 'keep')
  assertPrivate(storeDir)
  return readPrivateFile(headerFile)
}
