import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { keyInName } from './alias-names.js'
import { archivedIn } from './archive.js'
import { recordPath, type DistributionRecord } from './model.js'
import { readDistribution } from './repository.js'

/** The distribution that a KMS key belongs to. */
export interface KmsKeyOwner {
  readonly providerName: string
  readonly key: string
  /** True if the distribution was removed and can be restored. */
  readonly removed: boolean
}

/**
 * Returns the distribution of this store, active or archived, that has the KMS key with this id. A
 * KMS key and its replicas share one id, and therefore one owner.
 */
export async function ownerOf(engine: Engine, id: string): Promise<KmsKeyOwner | undefined> {
  const { store } = engine
  for (const providerName of await store.list(recordPath.distributions)) {
    for (const key of await store.list(recordPath.distributionsOf(providerName))) {
      const record = await readDistribution(engine, providerName, key)
      if (record && hasKmsKey(record, id))
        return { providerName, key, removed: record.state === 'removed' }
    }
  }
  for (const providerName of await store.list(recordPath.archive)) {
    const archived = await archivedIn(engine, [providerName])
    const owner = archived.find(({ record }) => hasKmsKey(record, id))
    if (owner) return { providerName, key: keyInName(owner.record.name), removed: true }
  }
  return undefined
}

function hasKmsKey({ kmsKeys }: DistributionRecord, id: string): boolean {
  return kmsKeys.some((entry) => entry.state === 'created' && entry.key.id === id)
}

/** The error of a command that would give a KMS key a second owner. */
export function ownedError(id: string, { providerName, key, removed }: KmsKeyOwner): KeymgmtError {
  const path = `keymgmt/kms/${providerName}/key/${key}`
  return new KeymgmtError(
    'FIELD_INVALID',
    `KMS key ${id} belongs to the ${removed ? 'removed ' : ''}distribution of ${key} to ${providerName}`,
    {
      hints: [
        removed
          ? `to bring it back: keymgmt write -f ${path}/restore`
          : `to see it: keymgmt read ${path}`,
      ],
    },
  )
}
