import { createHash } from 'node:crypto'
import { sep } from 'node:path'
import { formatSealHeader, type RootKey, type SealHeader } from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import { lockForOperator, readHeader, type OperatorLock } from './operator-lock.js'
import { inParallel } from '../parallel.js'
import type { StorePlace } from './place.js'
import { unfinishedRotationError } from './rotate.js'
import { openEnvelope } from './sealed.js'
import { storeExistsError } from './seals/store-seals.js'
import { formatState, parseState, stateError, type StoreState } from './state.js'

/*
 * A migration copies the sealed records as they are: the seal binds them to the store's id, which
 * stays the same. Its steps, each of which can be repeated:
 *
 * 1. The old store becomes `migrating`: it takes no writes. Commands that hold a lock may finish.
 * 2. The new place becomes `receiving`, and gets the header: no other command uses it.
 * 3. Each record is copied, and opened in the new place.
 * 4. The old store becomes `moved`.
 * 5. The new place is no longer `receiving`.
 */

/** The two places of a migration. */
export interface MigrationPlaces {
  readonly from: StorePlace
  readonly to: StorePlace
}

/** The parts of a migration that depend on the kinds of store and their seals. */
export interface MigrationOptions extends MigrationPlaces {
  /** Opens the header of the store. */
  readonly open: (header: SealHeader) => Promise<RootKey>
  /** Proves that the server of the new place keeps the conditions of requests. */
  readonly testBackend: () => Promise<unknown>
  /** Called before the old store becomes `moved`, so that a command can open the new one. */
  readonly prepareSeals: (header: SealHeader) => void
  /** Receives the current activity. */
  readonly progress: (message: string) => void
}

/** The result of a migration. */
export interface Migration {
  /** The folder or the URL of the old store. */
  readonly from: string
  /** The folder or the URL of the new store. */
  readonly to: string
  /** Id of the store, which is the same in both places. */
  readonly storeId: string
  /** Number of records. */
  readonly records: number
}

/**
 * Moves a store to another place. It keeps its id, its seals and its records. A migration that was
 * interrupted is completed by the same call.
 * @throws KeymgmtError STORE_EXISTS if the new place has another store, STORE_UNAVAILABLE if there
 * is no store to move or the server of the new place loses changes, STORE_MOVED if the store is
 * moving to another place, STORE_LOCKED, STORE_SEALED, STORE_CORRUPT.
 */
export async function migrateStore(options: MigrationOptions): Promise<Migration> {
  const { from, to } = options
  const lock = await lockForOperator(from, `operator migrate -to=${to.name}`)
  try {
    const header = await readHeader(from)
    const state = parseState(await from.state.read(), from.name)
    if (!isBetween(state, 'moved', to)) await moveRecords(options, header, lock)
    await endReceiving(options)
    const records = (await to.paths()).length
    return { from: from.name, to: to.name, storeId: header.store_id, records }
  } finally {
    await lock.release()
  }
}

/**
 * Lets a store whose migration is not complete take writes again. The copy stays incomplete, and
 * no command uses it. Returns the place of the copy; undefined if no migration was unfinished.
 * @throws KeymgmtError STORE_MOVED if the migration is complete.
 */
export async function cancelMigration(from: StorePlace): Promise<string | undefined> {
  const lock = await lockForOperator(from, 'operator migrate -cancel')
  try {
    const text = await from.state.read()
    const state = parseState(text, from.name)
    if (!state) return undefined
    if (state.condition !== 'migrating') throw stateError(from.name, state)
    await replace(from, undefined, text)
    return state.other
  } finally {
    await lock.release()
  }
}

async function moveRecords(
  options: MigrationOptions,
  header: SealHeader,
  lock: OperatorLock,
): Promise<void> {
  const { from, to, prepareSeals } = options
  if (header.previous !== undefined) throw unfinishedRotationError(from.name)
  const root = await options.open(header)
  await assertFree(options)
  const source = await beginMigrating(options)
  await beginReceiving(options, header)
  await from.awaitLocks(lock.name)
  const digests = await copyRecords(options, lock)
  await verifyRecords(options, digests, root)
  prepareSeals(header)
  await replace(from, formatState({ condition: 'moved', other: to.name }), source)
}

/** Checks everything that a user can get wrong, before anything is changed. */
async function assertFree({ from, to, testBackend }: MigrationOptions): Promise<void> {
  if (to.name === from.name || to.name.startsWith(`${from.name}${sep}`))
    throw new KeymgmtError('STORE_EXISTS', `the store ${from.name} can't move into itself`, {
      hints: ['specify another place with -to; nothing was changed'],
    })
  const state = parseState(await to.state.read(), to.name)
  if (isBetween(state, 'receiving', from)) return
  if (state) throw stateError(to.name, state)
  if ((await to.header.read()) !== undefined || (await to.holdsRecords()))
    throw storeExistsError(to.name)
  const current = parseState(await from.state.read(), from.name)
  if (current && !isBetween(current, 'migrating', to)) throw stateError(from.name, current)
  await testBackend()
}

/** Returns the text of the state. From then on, the store takes no writes. */
async function beginMigrating({ from, to }: MigrationPlaces): Promise<string> {
  return enter(from, { condition: 'migrating', other: to.name })
}

async function beginReceiving({ from, to }: MigrationPlaces, header: SealHeader): Promise<void> {
  await enter(to, { condition: 'receiving', other: from.name })
  const [current, wanted] = [await to.header.read(), formatSealHeader(header)]
  if (current !== wanted && !(await to.header.replace(wanted, current))) throw changedError(to.name)
}

/** Returns the text of the state, which an earlier attempt may have written. */
async function enter({ name, state }: StorePlace, wanted: StoreState): Promise<string> {
  const text = formatState(wanted)
  if (await state.replace(text, undefined)) return text
  const found = await state.read()
  const current = parseState(found, name)
  if (found === undefined || !current) throw changedError(name)
  if (current.condition === wanted.condition && current.other === wanted.other) return found
  throw stateError(name, current)
}

async function endReceiving({ from, to }: MigrationPlaces): Promise<void> {
  const text = await to.state.read()
  if (isBetween(parseState(text, to.name), 'receiving', from)) await replace(to, undefined, text)
}

/** Copies the records that differ, and returns the digest of each. */
async function copyRecords(
  { from, to, progress }: MigrationOptions,
  lock: OperatorLock,
): Promise<ReadonlyMap<string, string>> {
  const paths = await from.paths()
  const digests = new Map<string, string>()
  await inParallel(paths, async (path) => {
    const [source, target] = await Promise.all([from.records.get(path), to.records.get(path)])
    if (!source) throw changedError(from.name)
    lock.assertHeld()
    if (!target || digestOf(target.value) !== digestOf(source.value))
      await to.records.put(path, source.value, target?.revision)
    digests.set(path, digestOf(source.value))
    progress(`copied ${digests.size} of ${paths.length} records`)
  })
  await removeSurplus(to, digests, lock)
  return digests
}

/** An earlier attempt that was canceled can have copied records that were deleted since. */
async function removeSurplus(
  to: StorePlace,
  digests: ReadonlyMap<string, string>,
  lock: OperatorLock,
): Promise<void> {
  const surplus = (await to.paths()).filter((path) => !digests.has(path))
  await inParallel(surplus, async (path) => {
    const stored = await to.records.get(path)
    lock.assertHeld()
    if (stored) await to.records.delete(path, stored.revision)
  })
}

/** @throws KeymgmtError STORE_CORRUPT for a record that is not the copied one, or does not open. */
async function verifyRecords(
  { to, progress }: MigrationOptions,
  digests: ReadonlyMap<string, string>,
  root: RootKey,
): Promise<void> {
  let verified = 0
  await inParallel([...digests], async ([path, digest]) => {
    const stored = await to.records.get(path)
    if (!stored || digestOf(stored.value) !== digest)
      throw new KeymgmtError(
        'STORE_CORRUPT',
        `the copy of the record ${path} in ${to.name} differs`,
        {
          hints: [
            'run the same command again, or keep the old store: keymgmt operator migrate -cancel',
          ],
        },
      )
    openEnvelope(root, path, stored.value).fill(0)
    progress(`verified ${++verified} of ${digests.size} records`)
  })
  progress('')
}

/** PURE: true if a store is in a condition that concerns the other place. */
function isBetween(
  state: StoreState | undefined,
  condition: StoreState['condition'],
  { name }: StorePlace,
): boolean {
  return state?.condition === condition && state.other === name
}

async function replace(
  { name, state }: StorePlace,
  text: string | undefined,
  expected: string | undefined,
): Promise<void> {
  if (!(await state.replace(text, expected))) throw changedError(name)
}

function changedError(store: string): KeymgmtError {
  return new KeymgmtError('STORE_CONFLICT', `another command changed the store ${store}`, {
    hints: ['run the same command again'],
  })
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
