import { KeymgmtError } from '../../errors.js'
import type { DistributionRecord, KeyRecord } from './model.js'

/**
 * Refuses a distribution whose record contradicts the record of its key. In a torn or older copy of
 * a store, a command could replace material that the other record depends on.
 * @throws KeymgmtError STORE_CORRUPT
 */
export function assertAgree(
  key: KeyRecord,
  providerName: string,
  distribution: DistributionRecord,
): void {
  const problem = disagreement(key, distribution)
  if (problem === undefined) return
  const { name } = key
  throw new KeymgmtError(
    'STORE_CORRUPT',
    `the records of key ${name} and of its distribution to ${providerName} don't belong together: ${problem}`,
    {
      hints: [
        'nothing was changed: the store is a torn or an older copy, or the key was deleted and created again',
        'restore the newest snapshot: keymgmt operator snapshot restore FILE',
        `or drop the distribution from the records, which leaves its KMS keys in AWS: keymgmt write keymgmt/kms/${providerName}/key/${name}/forget allow_orphans=true`,
      ],
    },
  )
}

/** PURE: returns the contradiction between the two records; undefined if they agree. */
function disagreement(key: KeyRecord, { keyId, kmsKeys }: DistributionRecord): string | undefined {
  if (keyId !== key.id) return `the distribution is of key id ${keyId}, the key has id ${key.id}`
  const newest = key.pendingVersion ?? key.latestVersion
  for (const entry of kmsKeys) {
    if (entry.version > newest)
      return `the distribution has version ${entry.version}, the newest of the key is ${newest}`
    if (entry.state === 'creating') continue
    for (const { version, fingerprint } of entry.materials) {
      const material = key.versions[version]?.material
      if (material?.state === 'stored' && material.fingerprint !== fingerprint)
        return `version ${version} has another fingerprint in the distribution than in the key`
    }
  }
  return undefined
}
