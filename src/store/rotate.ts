import {
  createRootKey,
  createSealHeader,
  withoutPrevious,
  type RootKey,
  type SealHeader,
} from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { decodeEnvelope } from './envelope.js'
import { lockForOperator, readHeader, type OperatorLock } from './operator-lock.js'
import { inParallel } from '../parallel.js'
import type { StorePlace } from './place.js'
import { openEnvelope, sealEnvelope } from './sealed.js'
import type { StoreSeals } from './seals/store-seals.js'
import { parseState, stateError } from './state.js'

/*
 * A rotation of the root key has these steps, each of which can be repeated:
 *
 * 1. The header gets a new root key, which all seals wrap. It also contains the previous root key,
 *    wrapped under the new one. Commands that begin from now on seal under the new one.
 * 2. Commands that hold a lock may still seal under the previous one: wait for them.
 * 3. Each record that is sealed under the previous root key is sealed again. That changes neither
 *    its revision number nor the id of its write, so that no other command sees a conflict.
 * 4. The header drops the previous root key.
 */

/** The store of a rotation. */
export interface RotationOptions {
  readonly place: StorePlace
  readonly seals: StoreSeals
  /** Receives the current activity. */
  readonly progress: (message: string) => void
}

/** The result of a rotation. */
export interface Rotation {
  /** Id of the store, which does not change. */
  readonly storeId: string
  /** Number of records. */
  readonly records: number
  /** Number of records that were sealed again. */
  readonly resealed: number
}

/**
 * Gives the store a new root key, and seals each record under it. Other commands can use the store
 * meanwhile. A rotation that was interrupted is completed by the same call.
 * @throws KeymgmtError STORE_UNAVAILABLE if there is no store, STORE_SEALED if the means of a seal
 * are missing or wrong here, STORE_MOVED, STORE_LOCKED, STORE_CONFLICT, STORE_CORRUPT.
 */
export async function rotateRootKey({
  place,
  seals,
  progress,
}: RotationOptions): Promise<Rotation> {
  const lock = await lockForOperator(place, 'operator rotate')
  try {
    const state = parseState(await place.state.read(), place.name)
    if (state) throw stateError(place.name, state)
    const header = await beginRotation(await readHeader(place), seals)
    const root = await seals.open(header)
    await place.awaitLocks(lock.name)
    const counts = await resealRecords(place, root, { lock, progress })
    lock.assertHeld()
    await seals.replace(header, withoutPrevious(header, root))
    return { storeId: root.storeId, ...counts }
  } finally {
    await lock.release()
  }
}

/** The error of a command that needs all records to be sealed under one root key. */
export function unfinishedRotationError(store: string): KeymgmtError {
  return new KeymgmtError(
    'STORE_UNAVAILABLE',
    `the root key of the store ${store} is being replaced, or that was interrupted`,
    { hints: ['complete it: keymgmt operator rotate; nothing was changed'] },
  )
}

/** Returns the header with the new root key and the previous one. */
async function beginRotation(header: SealHeader, seals: StoreSeals): Promise<SealHeader> {
  if (header.previous !== undefined) return header
  const { key: previous, storeId } = await seals.open(header)
  const root: RootKey = { ...createRootKey(storeId), previous }
  const { seals: entries } = await seals.rewrap(header, root)
  const next = createSealHeader(root, entries)
  await seals.replace(header, next)
  return next
}

async function resealRecords(
  place: StorePlace,
  root: RootKey,
  { lock, progress }: { readonly lock: OperatorLock } & Pick<RotationOptions, 'progress'>,
): Promise<Pick<Rotation, 'records' | 'resealed'>> {
  const paths = await place.paths()
  let [done, resealed] = [0, 0]
  await inParallel(paths, async (path) => {
    if (await reseal(place, root, path, lock)) resealed++
    progress(`sealed ${++done} of ${paths.length} records`)
  })
  progress('')
  return { records: paths.length, resealed }
}

/** Returns true if the record was sealed again, and false if it is under the new root key. */
async function reseal(
  { records }: StorePlace,
  root: RootKey,
  path: string,
  lock: OperatorLock,
): Promise<boolean> {
  for (;;) {
    const stored = await records.get(path)
    if (!stored || isSealedUnder(root, path, stored.value)) return false
    const value = openEnvelope(root, path, stored.value)
    lock.assertHeld()
    try {
      const envelope = sealEnvelope(root, path, value, decodeEnvelope(path, stored.value))
      await records.put(path, envelope, stored.revision)
      return true
    } catch (error) {
      // Another command has changed the record meanwhile.
      if (!(error instanceof KeymgmtError) || error.code !== 'STORE_CONFLICT') throw error
    } finally {
      value.fill(0)
    }
  }
}

/** True if the record opens without the previous root key. */
function isSealedUnder({ key, storeId }: RootKey, path: string, bytes: Uint8Array): boolean {
  try {
    openEnvelope({ key, storeId }, path, bytes).fill(0)
    return true
  } catch {
    return false
  }
}
