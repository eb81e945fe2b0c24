import { formatSealHeader, parseSealHeader, type SealHeader } from '../crypto/root-key.js'
import { KeymgmtError } from '../errors.js'
import type { StorePlace } from './place.js'
import type { HeaderOpener } from './seals/open.js'
import type { SealMeans } from './seals/seal.js'
import {
  headerConflict,
  sealMethods,
  storeExistsError,
  type StoreSeals,
} from './seals/store-seals.js'
import { formatState, parseState, stateError } from './state.js'

/** The parts of a sealed store that {@link createStoreSeals} works on. */
export interface SealedPlace {
  readonly place: StorePlace
  readonly means: SealMeans
  readonly opener: HeaderOpener
  /** Allows this process to use the store while it is being restored. */
  readonly allow: () => void
  /** Called after the header was replaced. */
  readonly changed: () => void
}

/** Returns the seals of a store. Nothing is read yet. */
export function createStoreSeals({
  place,
  means,
  opener,
  allow,
  changed,
}: SealedPlace): StoreSeals {
  const header = async () => {
    const text = await place.header.read()
    return text === undefined ? undefined : parseSealHeader(text)
  }
  return {
    ...sealMethods(means, opener),
    header,
    async replace(expected, wanted) {
      const [text, wantedText] = [await place.header.read(), formatSealHeader(wanted)]
      if (text === wantedText) return
      const isExpected = text === formatSealHeader(expected)
      if (!isExpected || !(await place.header.replace(wantedText, text)))
        throw headerConflict(place.name)
      changed()
    },
    async restoring(wanted, restore) {
      await isReplaceable(place, wanted)
      allow()
      let finish = () => Promise.resolve(true)
      const begin = async () => {
        const mark = await setRestoring(place, wanted)
        finish = () => place.state.replace(undefined, mark)
        if (await isReplaceable(place, wanted)) await replaceHeader(place, wanted)
        changed()
      }
      const result = await restore(begin)
      await finish()
      return result
    },
  }
}

/**
 * Returns true if the place has no records, and takes the header of the snapshot; false if it has
 * the store of the snapshot.
 * @throws KeymgmtError SNAPSHOT_REFUSED
 */
async function isReplaceable(place: StorePlace, wanted: SealHeader): Promise<boolean> {
  const text = await place.header.read()
  if (text !== undefined && parseSealHeader(text).store_id === wanted.store_id) return false
  if (await place.holdsRecords()) throw otherStoreError(place.name, wanted)
  return true
}

/**
 * Returns the text of the state, which an interrupted restore may have left.
 * @throws KeymgmtError if the store is in another state.
 */
async function setRestoring({ name, state }: StorePlace, wanted: SealHeader): Promise<string> {
  const text = formatState({ condition: 'restoring', other: wanted.store_id })
  if (await state.replace(text, undefined)) return text
  const found = await state.read()
  const current = parseState(found, name)
  if (current && current.condition !== 'restoring') throw stateError(name, current)
  return found ?? text
}

/** A header without records may be there: it seals nothing. */
async function replaceHeader({ name, header }: StorePlace, wanted: SealHeader): Promise<void> {
  if (!(await header.replace(formatSealHeader(wanted), await header.read())))
    throw storeExistsError(name)
}

function otherStoreError(store: string, { store_id }: SealHeader): KeymgmtError {
  return new KeymgmtError(
    'SNAPSHOT_REFUSED',
    `the snapshot is of the store ${store_id}, and ${store} has records of another store`,
    {
      hints: [
        'restore it to an empty location: KEYMGMT_HOME=/path/to/empty/folder; nothing was changed',
      ],
    },
  )
}
