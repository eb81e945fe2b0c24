import type { KmsKeyStatus, KmsMaterial } from '../../kms/kms-key.js'
import type { Engine } from '../engine.js'
import { openContext } from '../reconcile/context.js'
import { findNewer } from '../reconcile/newer.js'
import { newestVersion } from '../reconcile/plan.js'
import { kmsKeyAt, putAlias, putKmsKey, putMaterial } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import { recordPath, without, type DistributionRecord, type KeyRecord } from '../records/model.js'
import { openRecord, type RecordHandle } from '../records/record.js'
import { distributionsOf, requireKey, type NamedDistribution } from '../records/repository.js'
import { findOrphans, type OrphanSearch } from './orphans.js'

/** A KMS key that AWS has and a restored store did not know. */
export interface NewerKmsKey {
  readonly key: string
  readonly provider: string
  readonly region: string
  readonly version: number
  readonly kmsKeyId: string
}

/**
 * Looks by alias for KMS keys that AWS has and a restored store does not know. Records each as a
 * version whose material is not in this store, so that the next rotation creates the version after
 * it.
 * @throws KeymgmtError of the KMS. What was found until then stays recorded.
 */
export async function recordNewerVersions(engine: Engine, name: string): Promise<NewerKmsKey[]> {
  return withKeyLock(engine.store, name, 'operator snapshot restore', async () => {
    const key = await requireKey(engine, name)
    const found: NewerKmsKey[] = []
    // Without tags, the KMS key that the alias points to counts as the first version that is not on
    // record.
    const next = newestVersion(key.current) + 1
    for (const named of await distributionsOf(engine, name))
      found.push(...(await recordNewerIn(engine, key, named, next)))
    return found
  })
}

/**
 * Records the newer versions that the aliases of one distribution show. The caller holds the key's
 * lock.
 */
async function recordNewerIn(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  { providerName, distribution }: NamedDistribution,
  next: number,
): Promise<NewerKmsKey[]> {
  if (distribution.current.state !== 'active') return []
  const context = await openContext(engine, key.current, { providerName, distribution })
  const recorded: NewerKmsKey[] = []
  for (const { region, alias, id, version = next, material } of await findNewer(context)) {
    const newer = { key: key.current.name, provider: providerName, region, kmsKeyId: id }
    if (material) {
      // This copy of the store may have created another version with the same number.
      const isTaken = key.current.versions[version]?.material.state === 'stored'
      const number = isTaken ? newestVersion(key.current) + 1 : version
      await key.update((current) => withVersion(current, number, engine.now()))
      await distribution.update((current) => withMaterialOf(current, number, material))
      recorded.push({ ...newer, version: number })
    }
    if (alias === undefined) continue
    const status = await context.provider.inspect(region, id)
    if (!status) continue
    // Skip a KMS key whose creation has no reply on record: the command that resumes it finds it by
    // its operation id.
    if (kmsKeyAt(distribution.current, version, region)) continue
    await key.update((current) => withVersion(current, version, engine.now()))
    await distribution.update((current) => withKmsKey(current, alias, region, version, status))
    recorded.push({ ...newer, version })
  }
  return recorded
}

/**
 * Looks by tag for KMS keys of this store that no record names, in the Regions of a provider. The
 * version of each is recorded as one whose material is not in this store, so that no later
 * command creates it again. Returns the result of the search.
 * @throws KeymgmtError of the KMS
 */
export async function recordTaggedVersions(
  engine: Engine,
  providerName: string,
): Promise<OrphanSearch> {
  const search = await findOrphans(engine, providerName)
  for (const { key: name, keyId, version } of search.orphans) {
    if (name === undefined || version === undefined) continue
    await withKeyLock(engine.store, name, 'operator snapshot restore', async () => {
      const key = await openRecord<KeyRecord>(engine.store, recordPath.key(name))
      if (!key || key.current.id !== keyId || version <= newestVersion(key.current)) return
      await key.update((current) => withVersion(current, version, engine.now()))
    })
  }
  return search
}

/**
 * PURE: returns the key with this version and all earlier ones. The added versions have no material
 * in this store.
 */
function withVersion(key: KeyRecord, version: number, now: Date): KeyRecord {
  const numbers = Array.from({ length: version }, (_, index) => index + 1)
  const missing = numbers.filter((number) => !(number in key.versions))
  const unknown = {
    creationTime: now.toISOString(),
    material: { state: 'not-in-store' },
  } as const
  return {
    ...(newestVersion(key) <= version ? without(key, 'pendingVersion') : key),
    latestVersion: Math.max(key.latestVersion, version),
    versions: {
      ...key.versions,
      ...Object.fromEntries(missing.map((number) => [number, unknown])),
    },
  }
}

/** PURE: returns the distribution whose KMS keys have this material, which the store does not. */
function withMaterialOf(
  record: DistributionRecord,
  version: number,
  { id, state }: KmsMaterial,
): DistributionRecord {
  const isPending = state === 'pending' || state === 'incomplete'
  const material = {
    version,
    imported: true,
    materialId: id,
    ...(isPending && { pending: true as const }),
  }
  return {
    ...record,
    kmsKeys: record.kmsKeys.map((entry) =>
      entry.state === 'created' ? putMaterial(entry, material) : entry,
    ),
  }
}

/** PURE: returns the distribution with this KMS key, and with `alias`, which points to it. */
function withKmsKey(
  record: DistributionRecord,
  alias: string,
  region: string,
  version: number,
  { key, state }: KmsKeyStatus,
): DistributionRecord {
  const entry = {
    version,
    region,
    state: 'created',
    key,
    materials: [],
    ...((state === 'enabled' || state === 'disabled') && { enabled: state === 'enabled' }),
  } as const
  return putAlias(putKmsKey(record, entry), region, alias, { state: 'set', version })
}
