import {
  createSealHeader,
  sealName,
  type RootKey,
  type SealEntry,
  type SealHeader,
} from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import { lockForOperator, readHeader } from '../operator-lock.js'
import type { StorePlace } from '../place.js'
import { parseState, stateError } from '../state.js'
import type { SealName } from './index.js'
import type { StoreSeals } from './store-seals.js'

/** The seals to add to a store and to remove from it. */
export interface SealChange {
  readonly add: readonly SealName[]
  readonly remove: readonly SealName[]
}

/** The result of {@link rekey}. All seals are named as the user names them. */
export interface Rekeyed {
  /** All seals of the store. */
  readonly seals: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Added seals that nothing here could open, so that they are not proven. */
  readonly unproven: readonly string[]
}

/**
 * Adds seals to a store and removes seals from it, in one write of the header. The root key stays
 * the same. Can be repeated after an interruption: if nothing is left to change, it succeeds.
 * @throws KeymgmtError SEAL_REFUSED if no seal would remain, or none that opens the store here;
 * STORE_UNAVAILABLE if there is no store. Nothing is changed then.
 */
export async function rekey(
  place: StorePlace,
  seals: StoreSeals,
  change: SealChange,
): Promise<Rekeyed> {
  const lock = await lockForOperator(place, 'operator rekey')
  try {
    const state = parseState(await place.state.read(), place.name)
    if (state) throw stateError(place.name, state)
    return await rekeyHeader(place.name, seals, await readHeader(place), change)
  } finally {
    await lock.release()
  }
}

async function rekeyHeader(
  store: string,
  seals: StoreSeals,
  header: SealHeader,
  change: SealChange,
): Promise<Rekeyed> {
  const { add, kept, removed } = planChange(store, header, change)
  if (add.length === 0 && removed.length === 0)
    return { seals: header.seals.map(sealName), added: [], removed: [], unproven: [] }
  const root = await seals.open(header)
  await assertNewPassphrase(seals, header, add, removed)
  const created = await seals.create(root, add)
  const next = createSealHeader(root, [...kept, ...created.map(({ entry }) => entry)])
  if (!created.some(({ isProven }) => isProven)) await assertOpensHere(seals, next)
  await seals.replace(header, next)
  return {
    seals: next.seals.map(sealName),
    added: add.map(sealName),
    removed: removed.map(sealName),
    unproven: created.filter(({ isProven }) => !isProven).map(({ entry }) => sealName(entry)),
  }
}

interface Plan {
  readonly add: readonly SealName[]
  readonly kept: readonly SealEntry[]
  readonly removed: readonly SealEntry[]
}

/**
 * PURE: returns what is left to do. A seal to add that exists already is left alone, unless it
 * is to be removed, too.
 */
function planChange(store: string, { seals }: SealHeader, { add, remove }: SealChange): Plan {
  const removing = new Set(remove.map(sealName))
  const present = new Set(seals.map(sealName))
  const both = add.find((name) => name.kind !== 'passphrase' && removing.has(sealName(name)))
  if (both) throw bothError(sealName(both))
  const left = add.filter((name) => !present.has(sealName(name)) || removing.has(sealName(name)))
  const removed = seals.filter((entry) => removing.has(sealName(entry)))
  const absent = [...removing].find((name) => !present.has(name))
  // A repeated command may find all of its work done. Anything else is a mistake of the user.
  if (absent !== undefined && left.length + removed.length > 0)
    throw absentError(store, absent, [...present])
  const kept = seals.filter((entry) => !removing.has(sealName(entry)))
  if (kept.length + left.length === 0) throw lastError(store)
  return { add: left, kept, removed }
}

/** A passphrase from the environment that opens the store is not a new one. */
async function assertNewPassphrase(
  seals: StoreSeals,
  header: SealHeader,
  add: readonly SealName[],
  removed: readonly SealEntry[],
): Promise<void> {
  const replaced = removed.find(({ kind }) => kind === 'passphrase')
  if (!replaced || !add.some(({ kind }) => kind === 'passphrase')) return
  const attempts = await seals.probe(header)
  if (attempts.some(({ name, outcome }) => name === sealName(replaced) && outcome === 'opens'))
    throw refusedError('the new passphrase is the one that opens the store now', [
      'unset KEYMGMT_PASSPHRASE_FILE and KEYMGMT_PASSPHRASE, and type both passphrases on a terminal',
      'or open the store with another seal, and give the new passphrase in KEYMGMT_PASSPHRASE_FILE',
    ])
}

/** Otherwise, the next command could not open the store. */
async function assertOpensHere(seals: StoreSeals, next: SealHeader): Promise<RootKey> {
  try {
    return await seals.open(next)
  } catch (error) {
    if (!(error instanceof KeymgmtError) || error.code === 'INTERRUPTED') throw error
    throw new KeymgmtError(
      'SEAL_REFUSED',
      `no seal that would remain opens the store here: ${error.message}`,
      {
        hints: [...error.hints, 'nothing was changed'],
        requestId: error.requestId,
        cause: error,
      },
    )
  }
}

function bothError(name: string): KeymgmtError {
  return refusedError(`-add and -remove both name ${name}`, [
    name === 'keyfile'
      ? 'no command overwrites a keyfile: add another seal, remove the keyfile, move the file away, and then add a keyfile'
      : 'name it once; only a passphrase can be replaced in one command',
  ])
}

function absentError(store: string, name: string, present: readonly string[]): KeymgmtError {
  return refusedError(`the store ${store} has no seal ${name}`, [
    `its seals are ${present.join(', ')}; nothing was changed`,
  ])
}

function lastError(store: string): KeymgmtError {
  return refusedError(`no seal of the store ${store} would remain, and nothing could open it`, [
    'add another seal in the same command: -add=SEAL; nothing was changed',
  ])
}

function refusedError(message: string, hints: readonly string[]): KeymgmtError {
  return new KeymgmtError('SEAL_REFUSED', message, { hints })
}
