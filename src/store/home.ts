import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createRootKey, openRootKey, parseSealHeader, type RootKey, type SealKind } from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { createLocalStore, type LocalStoreOptions } from './local.js'
import { assertPrivate, storageError } from './permissions.js'
import { createSealedStore } from './sealed.js'
import type { Store } from './store.js'

/** How a user's store is found and opened. */
export interface HomeOptions extends LocalStoreOptions {
  /** Where the keyfile is, or will be made. */
  readonly keyfile: string
  /** Asked when a passphrase is needed; undefined when there is none to be had. The bytes are wiped after use. */
  readonly passphrase?: () => Promise<Uint8Array | undefined>
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

const KEYFILE_PREFIX = 'keymgmt-keyfile-v1:'

/** The sealed local store of one user. */
export function openHome(options: HomeOptions): OpenedHome {
  const records = createLocalStore(options)
  const headerFile = join(options.home, 'seal.json')
  let root: Promise<RootKey | undefined> | undefined
  const unlock = async (to: 'read' | 'write'): Promise<RootKey | undefined> => {
    root ??= openOrCreate(options, headerFile, records, to)
    const opened = await root.catch((error: unknown) => {
      root = undefined
      throw error
    })
    if (!opened) root = undefined
    return opened
  }
  return {
    store: createSealedStore(records, unlock),
    seal: () => Promise.resolve(describeSeal(options, headerFile)),
  }
}

function describeSeal({ home, keyfile }: HomeOptions, headerFile: string): SealStatus {
  assertPrivate(home)
  const text = readIfThere(headerFile)
  if (text === undefined) return { kind: 'none', path: home }
  const { seal } = parseSealHeader(text)
  return { kind: seal, path: home, ...(seal === 'keyfile' && { keyfile }) }
}

async function openOrCreate(options: HomeOptions, headerFile: string, records: Store, to: 'read' | 'write'): Promise<RootKey | undefined> {
  const text = readIfThere(headerFile)
  if (text !== undefined) return openExisting(options, text)
  if ((await Promise.all(['key', 'kms', 'material', 'distribution', 'retired'].map((folder) => records.list(folder)))).flat().length > 0) {
    // Another first command may have made the store while this one was looking.
    const meanwhile = readIfThere(headerFile)
    if (meanwhile !== undefined) return openExisting(options, meanwhile)
    throw new KeymgmtError('STORE_SEALED', `the store ${options.home} has records but no root key: ${headerFile} is missing`, {
      hints: ['restore that file from a backup; nothing was changed'],
    })
  }
  if (to === 'read') return undefined
  const lock = await records.lock('seal', 'make the store')
  try {
    const meanwhile = readIfThere(headerFile)
    return meanwhile === undefined ? await create(options, headerFile) : await openExisting(options, meanwhile)
  } finally {
    await lock.release()
  }
}

async function openExisting(options: HomeOptions, text: string): Promise<RootKey> {
  const header = parseSealHeader(text)
  return withSecret(options, header.seal, false, (secret) => openRootKey(header, secret))
}

/** The keyfile is on the disk before anything is sealed under it. */
async function create(options: HomeOptions, headerFile: string): Promise<RootKey> {
  const seal = options.createSeal ?? 'keyfile'
  return withSecret(options, seal, true, async (secret) => {
    const { header, root } = await createRootKey(seal, secret)
    createFile(headerFile, `${JSON.stringify(header, null, 2)}\n`)
    return root
  })
}

async function withSecret<T>(options: HomeOptions, seal: SealKind, isNew: boolean, use: (secret: Uint8Array) => Promise<T>): Promise<T> {
  const secret = seal === 'keyfile' ? readKeyfile(options, isNew) : await readPassphrase(options)
  try {
    return await use(secret)
  } finally {
    secret.fill(0)
  }
}

async function readPassphrase({ passphrase }: HomeOptions): Promise<Uint8Array> {
  const given = await passphrase?.()
  if (given && given.length > 0) return given
  throw new KeymgmtError('STORE_SEALED', 'the store is sealed with a passphrase, and none was given', {
    hints: ['set KEYMGMT_PASSPHRASE_FILE to a file that holds it, or run the command on a terminal'],
  })
}

function readKeyfile({ keyfile, onKeyfileCreated }: HomeOptions, isNew: boolean): Buffer {
  assertPrivate(keyfile)
  const text = readIfThere(keyfile)
  if (text === undefined && isNew) {
    const secret = randomBytes(32)
    createFile(keyfile, `${KEYFILE_PREFIX}${secret.toString('base64')}\n`)
    onKeyfileCreated?.(keyfile)
    return secret
  }
  if (text === undefined) {
    throw new KeymgmtError('STORE_SEALED', `the keyfile that this store is sealed with is missing: ${keyfile}`, {
      hints: ['put it back, or name its place in KEYMGMT_KEYFILE; nothing was changed'],
    })
  }
  const secret = text.startsWith(KEYFILE_PREFIX) ? Buffer.from(text.slice(KEYFILE_PREFIX.length).trim(), 'base64') : Buffer.alloc(0)
  if (secret.length === 32) return secret
  throw new KeymgmtError('STORE_SEALED', `${keyfile} is not a keyfile, or was cut short`, { hints: ['restore it from a backup; nothing was changed'] })
}

function readIfThere(file: string): string | undefined {
  assertPrivate(dirname(file))
  if (!existsSync(file)) return undefined
  assertPrivate(file)
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw storageError(error, file)
  }
}

function createFile(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const handle = openSync(file, 'wx', 0o600)
    try {
      writeSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    throw storageError(error, file)
  }
}
