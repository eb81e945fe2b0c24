import { rmSync } from 'node:fs'
import {
  createRootKey,
  createSealHeader,
  type RootKey,
  type SealEntry,
  type SealHeader,
} from '../../crypto/root-key.js'
import { kindOf, loadSeal, type SealName } from './index.js'
import type { NewSeal, SealMeans } from './seal.js'

/** The seals of a new store, if the user names none. */
export const DEFAULT_SEALS: readonly SealName[] = [{ kind: 'keyfile' }]

/** The header of a store to create. */
export interface NewHeader {
  readonly header: SealHeader
  readonly root: RootKey
  /** The keyfile that was created for the store. */
  readonly createdKeyfile: string | undefined
  /** Removes the keyfile, if it was created for a store that then was not. */
  readonly discard: () => void
}

/** Creates a root key, and the header that wraps it with these seals. */
export async function createHeader(
  means: SealMeans,
  names: readonly SealName[] = DEFAULT_SEALS,
): Promise<NewHeader> {
  const root = createRootKey()
  const seals = await createSeals(root, names, means)
  const createdKeyfile = seals.find(({ createdFile }) => createdFile !== undefined)?.createdFile
  return {
    header: createSealHeader(
      root,
      seals.map(({ entry }) => entry),
    ),
    root,
    createdKeyfile,
    discard: () => {
      if (createdKeyfile !== undefined) rmSync(createdKeyfile, { force: true })
    },
  }
}

/** Wraps a root key with new seals, one after the other. Each has opened it once. */
export async function createSeals(
  root: RootKey,
  names: readonly SealName[],
  means: SealMeans,
): Promise<NewSeal[]> {
  const seals: NewSeal[] = []
  for (const { kind, id } of names) seals.push(await (await loadSeal(kind)).wrap(root, id, means))
  return seals
}

/**
 * Returns the header of the same store with the same seals, which wrap another root key.
 * @throws KeymgmtError if the means of a seal are missing or wrong here.
 */
export async function rewrapHeader(
  { seals }: SealHeader,
  root: RootKey,
  means: SealMeans,
): Promise<SealHeader> {
  const entries: SealEntry[] = []
  for (const entry of seals)
    entries.push(await (await loadSeal(kindOf(entry))).rewrap(entry, root, means))
  return createSealHeader(root, entries)
}
