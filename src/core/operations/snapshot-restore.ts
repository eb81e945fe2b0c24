import { timingSafeEqual } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import type { Lock, Store } from '../../store/store.js'
import { recordPath } from '../records/model.js'
import { inParallel } from '../../parallel.js'
import { COMPARED_FOLDERS, openRecords, surplusOf, type Surplus } from './snapshot-contents.js'
import type { Snapshot } from './snapshot-file.js'
import { keyNames, readBelow, readPlainRecords, wipe, type Records } from './snapshot-records.js'

/** Options of {@link restoreSnapshot}. */
export interface RestoreOptions {
  /** True to replace and remove records that the snapshot lacks. Material always stays. */
  readonly force: boolean
  /**
   * Called before the restore replaces or removes anything that the snapshot lacks. All keys and
   * providers are locked, so `store` takes no locks.
   */
  readonly saveFirst: (store: Store) => Promise<void>
  /** Called before the first change. */
  readonly begin: () => Promise<void>
}

/** The outcome of {@link restoreSnapshot}. */
export interface Restored {
  /** The items that the snapshot lacked and that were removed from the store. */
  readonly removed: readonly Surplus[]
  /** Number of records that were written or removed. */
  readonly changes: number
}

/**
 * Returns the items that the store has and the snapshot lacks. Takes no lock and writes nothing.
 */
export async function compareWithSnapshot(store: Store, snapshot: Snapshot): Promise<Surplus[]> {
  const present = await readCompared(store)
  const wanted = openRecords(snapshot, COMPARED_FOLDERS)
  try {
    return surplusOf(present, wanted)
  } finally {
    wipe(present)
    wipe(wanted)
  }
}

/**
 * Brings the store to the state of the snapshot. Adds material, but never removes any. Can be
 * repeated after an interruption.
 * @throws KeymgmtError SNAPSHOT_REFUSED without `force` if the store has what the snapshot lacks,
 * or if both have different material of one name; nothing is changed then. SNAPSHOT_INVALID,
 * STORE_LOCKED.
 */
export async function restoreSnapshot(
  store: Store,
  snapshot: Snapshot,
  { force, saveFirst, begin }: RestoreOptions,
): Promise<Restored> {
  return withEverythingLocked(store, snapshot, async () => {
    const removed = await compareWithSnapshot(store, snapshot)
    if (removed.length > 0 && !force) throw surplusError(removed)
    await assertSameMaterial(store, snapshot)
    const present = await readCompared(store)
    wipe(present)
    if (removed.length > 0) await saveFirst(withoutLocks(store))
    await begin()
    return {
      removed,
      changes:
        (await writeRecords(store, snapshot)) +
        (await removeRecords(store, snapshot, [...present.keys()])),
    }
  })
}

/** Returns the error of a restore that would remove items that the snapshot lacks. */
export function surplusError({ length }: readonly Surplus[]): KeymgmtError {
  return new KeymgmtError(
    'SNAPSHOT_REFUSED',
    `the store has ${length} ${length === 1 ? 'item' : 'items'} that the snapshot lacks`,
    {
      hints: [
        'nothing was changed; -check lists these items',
        'to restore anyway, add -force: keymgmt first saves a snapshot of the current store, and keeps all material',
      ],
    },
  )
}

/** True for material and for the fingerprint key, which are never replaced or removed. */
function isMaterial(path: string): boolean {
  return path === recordPath.fingerprintKey || path.startsWith(`${recordPath.materials}/`)
}

async function assertSameMaterial(store: Store, snapshot: Snapshot): Promise<void> {
  for (const path of snapshot.paths.filter(isMaterial)) {
    const [stored, wanted] = [(await store.get(path))?.value, snapshot.read(path)]
    const differs = stored !== undefined && wanted !== undefined && !isEqual(stored, wanted)
    stored?.fill(0)
    wanted?.fill(0)
    if (differs)
      throw new KeymgmtError('SNAPSHOT_REFUSED', `the store and the snapshot differ in ${path}`, {
        hints: ['restore the snapshot to an empty location, and compare; nothing was changed'],
      })
  }
}

/** Writes material first, and the records that name it last. Returns the number of changes. */
async function writeRecords(store: Store, snapshot: Snapshot): Promise<number> {
  let changes = 0
  const [material, plain] = [
    snapshot.paths.filter(isMaterial),
    snapshot.paths.filter((path) => !isMaterial(path)),
  ]
  for (const path of [...material, ...plain]) {
    const stored = await store.get(path)
    const wanted = snapshot.read(path)
    if (wanted && !(stored && isEqual(stored.value, wanted))) {
      await store.put(path, wanted, stored?.revision)
      changes++
    }
    stored?.value.fill(0)
    wanted?.fill(0)
  }
  return changes
}

/** Removes the records that the snapshot lacks. Returns their number. */
async function removeRecords(
  store: Store,
  snapshot: Snapshot,
  paths: readonly string[],
): Promise<number> {
  const kept = new Set(snapshot.paths)
  const surplus = paths.filter((path) => !kept.has(path))
  for (const path of surplus) {
    const stored = await store.get(path)
    stored?.value.fill(0)
    if (stored) await store.delete(path, stored.revision)
  }
  return surplus.length
}

/** Returns the records that a restore may replace or remove. */
async function readCompared(store: Store): Promise<Records> {
  const providers = await readBelow(store, recordPath.providers)
  const keys = await inParallel(await keyNames(store), (name) => readPlainRecords(store, name))
  return new Map([...providers, ...keys.flatMap((records) => [...records])])
}

/**
 * Runs `use` while no other command can change a key or a provider of the store or the snapshot.
 * Takes the locks in the order of all commands: keys, then providers.
 */
async function withEverythingLocked<T>(
  store: Store,
  snapshot: Snapshot,
  use: () => Promise<T>,
): Promise<T> {
  const inSnapshot = (folder: string) =>
    snapshot.paths.filter((path) => path.startsWith(`${folder}/`))
  const names = (await keyNames(store)).map(recordPath.key)
  const providers = (await store.list(recordPath.providers)).map(recordPath.provider)
  const keys = [...names, ...inSnapshot(recordPath.keys)]
  const held: Lock[] = []
  try {
    for (const name of [
      ...new Set(keys.sort()),
      ...new Set([...providers, ...inSnapshot(recordPath.providers)].sort()),
    ])
      held.push(await store.lock(name, 'operator snapshot restore'))
    return await use()
  } finally {
    for (const lock of held.reverse()) await lock.release()
  }
}

/** Returns a store whose locks do nothing, for a caller that already holds all of them. */
function withoutLocks(store: Store): Store {
  return {
    ...store,
    lock: () => Promise.resolve({ isHeld: () => true, release: () => Promise.resolve() }),
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
