import type { Engine } from '../engine.js'
import { keyInName } from './alias-names.js'
import { archivedIn } from './archive.js'
import { lastDeletion } from './kms-keys.js'
import { recordPath } from './model.js'

/** A removed distribution that can still be restored. */
export interface RemovedDistribution {
  /** Name of the provider. */
  readonly providerName: string
  /** Name of the key. */
  readonly key: string
  /** The last date on which AWS deletes a KMS key of it, where AWS has named one. */
  readonly date: string | undefined
}

/**
 * The removed distributions that can still be restored, as far as the store knows; only those of
 * `providerName` or of `key`, if given. Sends nothing to AWS.
 * @throws KeymgmtError STORE_SEALED, STORE_CORRUPT, STORE_UNAVAILABLE
 */
export async function listRemoved(
  engine: Engine,
  { providerName, key }: { readonly providerName?: string; readonly key?: string } = {},
): Promise<RemovedDistribution[]> {
  const providers =
    providerName === undefined ? await engine.store.list(recordPath.archive) : [providerName]
  const isWanted = (name: string) => key === undefined || keyInName(name) === key
  return (await archivedIn(engine, providers, isWanted))
    .filter(({ gone }) => !gone)
    .map(({ providerName: provider, record }) => ({
      providerName: provider,
      key: keyInName(record.name),
      date: lastDeletion(record),
    }))
}
