import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import {
  createRootKey,
  createSealHeader,
  sealName,
  type RootKey,
  type SealEntry,
  type SealHeader,
} from '../../crypto/root-key.js'
import { inOrder, kindOf, loadSeal, type SealName } from './index.js'
import type { NewSeal, SealMeans } from './seal.js'

/** The seals of a new store, if the user names none. */
export const DEFAULT_SEALS: readonly SealName[] = [{ kind: 'keyfile' }]

/** The header of a store to create. */
export interface NewHeader {
  readonly header: SealHeader
  readonly root: RootKey
  /** The keyfile that was created for the store. */
  readonly createdKeyfile: string | undefined
  /**
   * Removes the keyfile that was created for this store if the creation of the store then failed.
   * Keeps a keyfile that is not named after the store: another command may have sealed its store
   * with it meanwhile.
   */
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
      if (createdKeyfile !== undefined && basename(createdKeyfile).includes(root.storeId))
        rmSync(createdKeyfile, { force: true })
    },
  }
}

/**
 * Wraps a root key with new seals, one after the other, those that need a network first: a refusal
 * then leaves no new keyfile behind. Each has opened the root key once.
 */
export async function createSeals(
  root: RootKey,
  names: readonly SealName[],
  means: SealMeans,
): Promise<NewSeal[]> {
  const created = new Map<string, NewSeal>()
  for (const name of [...inOrder(names)].reverse()) {
    const seal = await loadSeal(name.kind)
    created.set(sealName(name), await seal.wrap(root, name.id, means))
  }
  return names.flatMap((name) => created.get(sealName(name)) ?? [])
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
