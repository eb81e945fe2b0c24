import type { KeyRecord } from './model.js'

/**
 * False if the material of the version is not in this store: it is in a KMS key that was found
 * after an older snapshot was restored. No command can import it.
 */
export function isStoredVersion({ versions }: KeyRecord, version: number): boolean {
  return versions[version]?.material.state !== 'not-in-store'
}
