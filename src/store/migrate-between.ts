import { migrateStore, type Migration } from './migrate.js'
import type { OpenedStore } from './sealed-local.js'
import { copyKeyfile } from './seals/keyfile-file.js'
import type { SealMeans } from './seals/seal.js'

/** A sealed store at the old or the new place, and the expected location of its keyfile. */
export interface Side extends Pick<SealMeans, 'keyfileOf'> {
  readonly opened: OpenedStore
}

/** Receives what a user should know. Never contains secrets. */
export interface Reports {
  readonly progress: (message: string) => void
  readonly notice: (message: string) => void
}

/**
 * Moves the store `from` to the place `to`, and copies its keyfile if a command expects it in
 * another file there. Throws as {@link migrateStore}.
 */
export async function migrateBetween(
  from: Side,
  to: Side,
  { progress, notice }: Reports,
): Promise<Migration> {
  return migrateStore({
    from: await from.opened.place(),
    to: await to.opened.place(),
    open: (header) => from.opened.seals.open(header),
    testBackend: () => to.opened.testBackend(),
    progress,
    prepareSeals({ seals, store_id }) {
      if (seals.some(({ kind }) => kind === 'keyfile'))
        bringKeyfile(from.keyfileOf(store_id), to.keyfileOf(store_id), notice)
    },
  })
}

function bringKeyfile(old: string, wanted: string, notice: Reports['notice']): void {
  if (old === wanted) return
  const result = copyKeyfile(old, wanted)
  if (result === 'copied') notice(`Copied the keyfile to ${wanted}`)
  if (result === 'different')
    notice(
      `${wanted} is the keyfile of another store. Use the new location with KEYMGMT_KEYFILE=${old}`,
    )
}
