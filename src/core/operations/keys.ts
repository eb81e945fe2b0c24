import { randomUUID } from 'node:crypto'
import {
  DEFAULT_KEY_TYPE,
  KEY_TYPES,
  publicKeyPem,
  type KeyTypeName,
} from '../../crypto/key-types.js'
import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { newestVersion } from '../reconcile/plan.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { resumableDistributions } from '../reconcile/resume.js'
import { archivedOf, deleteArchived } from '../records/archive.js'
import { withKeyLock } from '../records/locks.js'
import { deleteMaterial, writeMaterial } from '../records/material.js'
import { recordPath, type KeyRecord, type KeyVersion } from '../records/model.js'
import { createRecord, openRecord, type RecordHandle } from '../records/record.js'
import { distributionsOf, requireKey, type NamedDistribution } from '../records/repository.js'
import { assertDeletedByKms } from './pending-deletion.js'

/** The settings of a key; what is undefined stays as it is. */
export interface KeyChange {
  readonly type?: KeyTypeName | undefined
  readonly replicaRegions?: readonly string[] | undefined
  readonly deletionAllowed?: boolean | undefined
  readonly minEnabledVersion?: number | undefined
  /** True to accept a replica Region that this version does not know. */
  readonly allowUnknownRegion?: boolean | undefined
}

/**
 * Creates the key, or changes its settings and brings every distribution in line with them.
 * @throws KeymgmtError FIELD_IMMUTABLE, FIELD_INVALID; nothing is changed then. Errors of the KMS.
 */
export async function saveKey(engine: Engine, name: string, change: KeyChange): Promise<void> {
  await assertReplicaRegions(engine, change)
  await withKeyLock(engine.store, name, `write keymgmt/key/${name}`, async () => {
    const existing = await openRecord<KeyRecord>(engine.store, recordPath.key(name))
    if (existing) await updateKey(engine, existing, change)
    else await createKey(engine, name, change)
  })
}

/**
 * Checks the replica Regions before anything is opened: they are AWS's.
 * @throws KeymgmtError FIELD_INVALID
 */
export async function assertReplicaRegions(
  { kinds }: Engine,
  { replicaRegions, allowUnknownRegion = false }: KeyChange,
): Promise<void> {
  if (replicaRegions !== undefined)
    await kinds.awskms.assertRegions('replica_regions', replicaRegions, allowUnknownRegion)
}

/**
 * Creates a key, of new material or of `change.material`, which is wiped. The
 * caller holds the key's lock.
 * @throws KeymgmtError FIELD_INVALID
 */
export async function createKey(
  engine: Engine,
  name: string,
  change: KeyChange & { readonly material?: Uint8Array },
): Promise<void> {
  const type = change.type ?? DEFAULT_KEY_TYPE
  const id = randomUUID()
  const min_enabled_version = checkMinimum(change.minEnabledVersion ?? 1, 1)
  const material = await (change.material ?? KEY_TYPES[type].generate())
  const record: KeyRecord = {
    id,
    name,
    type,
    replica_regions: [...new Set(change.replicaRegions ?? [])],
    latest_version: 1,
    versions: { 1: await createVersion(engine, { id, type }, 1, material) },
    deletion_allowed: change.deletionAllowed ?? false,
    min_enabled_version,
  }
  await createRecord(engine.store, recordPath.key(name), record)
}

/**
 * Material is stored before the record that names it, so no version is ever known without its
 * bytes. Wipes `material`.
 */
async function createVersion(
  engine: Engine,
  { id, type }: Pick<KeyRecord, 'id' | 'type'>,
  version: number,
  material: Uint8Array,
): Promise<KeyVersion> {
  try {
    const fingerprint = await writeMaterial(engine.store, id, version, material)
    const public_key = publicKeyPem(type, material)
    return {
      creation_time: engine.now().toISOString(),
      ...(public_key && { public_key }),
      material: { state: 'stored', fingerprint },
    }
  } finally {
    material.fill(0)
  }
}

async function updateKey(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  change: KeyChange,
): Promise<void> {
  const { type, replica_regions } = key.current
  if (change.type !== undefined && change.type !== type) throw immutableError('type', type)
  if (change.replicaRegions && !sameSet(change.replicaRegions, replica_regions)) {
    throw immutableError('replica_regions', replica_regions.join(',') || 'not set')
  }
  const next = {
    deletion_allowed: change.deletionAllowed ?? key.current.deletion_allowed,
    min_enabled_version: checkMinimum(
      change.minEnabledVersion ?? key.current.min_enabled_version,
      newestVersion(key.current),
    ),
  }
  const distributions = await resumableDistributions(engine, key.current)
  const differs =
    next.deletion_allowed !== key.current.deletion_allowed ||
    next.min_enabled_version !== key.current.min_enabled_version
  if (differs) await key.update((current) => ({ ...current, ...next }))
  const isAsked = change.minEnabledVersion !== undefined
  await reconcileKey(engine, key, distributions, () => isAsked)
}

function immutableError(field: string, value: string): KeymgmtError {
  return new KeymgmtError('FIELD_IMMUTABLE', `field "${field}" is ${value} and can't be changed`, {
    hints: ['create another key with another name'],
  })
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return [...new Set(one)].sort().join() === [...other].sort().join()
}

function checkMinimum(minimum: number, latest: number): number {
  if (minimum >= 0 && minimum <= latest) return minimum
  throw new KeymgmtError('FIELD_INVALID', 'min_enabled_version is not a version of this key', {
    hints: [`its latest version is ${latest}; use 0 to ${latest}, where 0 enables all versions`],
  })
}

/**
 * Creates a new version, puts it into every distribution and moves the aliases; only then it is the
 * latest. A rotation that was interrupted is finished instead, with the version that it created.
 * @returns the key as it is then.
 * @throws KeymgmtError KEY_NOT_FOUND; errors of the KMS, after which the same call continues.
 */
export async function rotateKey(engine: Engine, name: string): Promise<KeyRecord> {
  return withKeyLock(engine.store, name, `rotate keymgmt/key/${name}`, async () => {
    const key = await requireKey(engine, name)
    const { type, pending_version } = key.current
    const distributions = await resumableDistributions(engine, key.current)
    if (pending_version !== undefined) await reconcileKey(engine, key, distributions)
    else await addVersion(engine, key, distributions, await KEY_TYPES[type].generate())
    return key.current
  })
}

/**
 * Adds a version with this material, which is wiped, and puts it everywhere. The caller holds the
 * key's lock, and no rotation is unfinished.
 */
export async function addVersion(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  distributions: readonly NamedDistribution[],
  material: Uint8Array,
): Promise<void> {
  const pending_version = key.current.latest_version + 1
  const version = await createVersion(engine, key.current, pending_version, material)
  await key.update((current) => ({
    ...current,
    pending_version,
    versions: { ...current.versions, [pending_version]: version },
  }))
  await reconcileKey(engine, key, distributions)
}

/**
 * Deletes the key and its material. Does nothing if the key does not exist.
 * @throws KeymgmtError KEY_IN_USE while it is distributed, or AWS has KMS keys of a removed
 * distribution of it; KEY_PROTECTED unless deletion is allowed; errors of the KMS.
 */
export async function deleteKey(engine: Engine, name: string): Promise<void> {
  await withKeyLock(engine.store, name, `delete keymgmt/key/${name}`, async () => {
    const key = await openRecord<KeyRecord>(engine.store, recordPath.key(name))
    if (!key) return
    await assertDeletable(engine, key.current)
    const archived = await archivedOf(engine, key.current)
    await assertDeletedByKms(engine, 'KEY_IN_USE', archived)
    for (const each of archived) await deleteArchived(engine, each)
    await deleteMaterial(engine.store, key.current.id)
    await key.remove()
  })
}

async function assertDeletable(engine: Engine, key: KeyRecord): Promise<void> {
  const { name } = key
  const providers = (await distributionsOf(engine, name)).map(({ providerName }) => providerName)
  if (providers.length > 0) {
    throw new KeymgmtError('KEY_IN_USE', `${name} is distributed to ${providers.join(', ')}`, {
      hints: providers.map((provider) => `keymgmt delete keymgmt/kms/${provider}/key/${name}`),
    })
  }
  if (!key.deletion_allowed) {
    throw new KeymgmtError('KEY_PROTECTED', `deletion of ${name} is not allowed`, {
      hints: [`allow it: keymgmt write keymgmt/key/${name} deletion_allowed=true`],
    })
  }
}
