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
import { createdKmsKeyAt, kmsKeyName } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import { deleteMaterial, fingerprintOf, writeMaterial } from '../records/material.js'
import { recordPath, type KeyRecord, type KeyVersion } from '../records/model.js'
import { checkRotationPeriod } from '../records/rotation-age.js'
import { createRecord, openRecord, type RecordHandle } from '../records/record.js'
import { distributionsOf } from '../records/repository.js'
import { forgetCommand, trimCommand } from '../records/takedown.js'
import { assertDeletedByKms } from './pending-deletion.js'
import { assertDisabling, reportNotApplicable } from './rotation.js'

/** The settings of a key. Undefined leaves a setting unchanged. */
export interface KeyChange {
  /** The key type, for a new key. The default is `rsa-2048`. */
  readonly type?: KeyTypeName | undefined
  /** AWS Regions for replicas, for a new key. */
  readonly replicaRegions?: readonly string[] | undefined
  /** True if the key may be deleted. */
  readonly deletionAllowed?: boolean | undefined
  /** Lower versions are disabled. 0 enables all. */
  readonly minEnabledVersion?: number | undefined
  /** Seconds after which the key is due for a rotation, at least an hour; 0 for never. */
  readonly rotationPeriod?: number | undefined
  /** True to accept a replica Region that this version does not know. */
  readonly allowUnknownRegion?: boolean | undefined
}

/**
 * Creates the key, or changes its settings and applies them to every distribution.
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
 * Checks that AWS has the replica Regions, before anything is opened.
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
 * Creates a key with new material or with `change.material`, which it wipes. The caller holds the
 * key's lock.
 * @throws KeymgmtError FIELD_INVALID
 */
export async function createKey(
  engine: Engine,
  name: string,
  change: KeyChange & { readonly material?: Uint8Array },
): Promise<void> {
  const type = change.type ?? DEFAULT_KEY_TYPE
  const id = randomUUID()
  const minEnabledVersion = checkMinimum(change.minEnabledVersion ?? 1, 1)
  const rotationPeriod = checkRotationPeriod(change.rotationPeriod ?? 0)
  const material = await (change.material ?? KEY_TYPES[type].generate())
  const record: KeyRecord = {
    id,
    name,
    type,
    replicaRegions: [...new Set(change.replicaRegions ?? [])],
    latestVersion: 1,
    versions: { 1: await createVersion(engine, { id, type }, 1, material) },
    deletionAllowed: change.deletionAllowed ?? false,
    minEnabledVersion,
    ...(rotationPeriod > 0 && { rotationPeriod }),
  }
  await createRecord(engine.store, recordPath.key(name), record)
}

/**
 * Stores the material of a new version before any record names it, so that no record ever lacks its
 * material. Stores nothing if `check` throws. Wipes `material` in any case.
 */
export async function createVersion(
  engine: Engine,
  { id, type }: Pick<KeyRecord, 'id' | 'type'>,
  version: number,
  material: Uint8Array,
  check: () => Promise<void> = () => Promise.resolve(),
): Promise<KeyVersion> {
  try {
    const [fingerprint] = await Promise.all([fingerprintOf(engine.store, material), check()])
    await writeMaterial(engine.store, id, version, material, fingerprint)
    const publicKey = publicKeyPem(type, material)
    return {
      creationTime: engine.now().toISOString(),
      ...(publicKey && { publicKey }),
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
  const { type, replicaRegions } = key.current
  if (change.type !== undefined && change.type !== type) throw immutableError('type', type)
  if (change.replicaRegions && !sameSet(change.replicaRegions, replicaRegions)) {
    throw immutableError('replica_regions', replicaRegions.join(',') || 'not set')
  }
  const next = {
    deletionAllowed: change.deletionAllowed ?? key.current.deletionAllowed,
    minEnabledVersion: checkMinimum(
      change.minEnabledVersion ?? key.current.minEnabledVersion,
      newestVersion(key.current),
    ),
    rotationPeriod: checkRotationPeriod(change.rotationPeriod ?? key.current.rotationPeriod ?? 0),
  }
  assertAvailable(key.current, next.minEnabledVersion)
  const all = await distributionsOf(engine, key.current.name)
  assertDisabling(key.current, next.minEnabledVersion, all)
  const distributions = await resumableDistributions(engine, key.current)
  const differs =
    next.deletionAllowed !== key.current.deletionAllowed ||
    next.minEnabledVersion !== key.current.minEnabledVersion ||
    next.rotationPeriod !== (key.current.rotationPeriod ?? 0)
  if (differs) await key.update((current) => ({ ...current, ...next }))
  if (change.minEnabledVersion !== undefined)
    reportNotApplicable(engine, key.current, distributions)
  await reconcileKey(engine, key, distributions, {
    isRequested: (step, { distribution }) =>
      change.minEnabledVersion !== undefined &&
      (step.action === 'enable' || step.action === 'disable') &&
      createdKmsKeyAt(distribution.current, step.version, step.region) !== undefined,
  })
}

function immutableError(field: string, value: string): KeymgmtError {
  return new KeymgmtError('FIELD_IMMUTABLE', `field "${field}" is ${value} and can't be changed`, {
    hints: ['create another key with another name'],
  })
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return [...new Set(one)].sort().join() === [...other].sort().join()
}

/** @throws KeymgmtError FIELD_INVALID if the minimum would enable trimmed versions. */
function assertAvailable({ name, minAvailableVersion = 0 }: KeyRecord, minimum: number): void {
  if (minimum >= minAvailableVersion) return
  throw new KeymgmtError(
    'FIELD_INVALID',
    `min_enabled_version is below ${minAvailableVersion}, and the versions below that are trimmed`,
    { hints: [`first make them available again: ${trimCommand(name, minimum)}`] },
  )
}

function checkMinimum(minimum: number, latest: number): number {
  if (minimum >= 0 && minimum <= latest) return minimum
  throw new KeymgmtError('FIELD_INVALID', 'min_enabled_version is not a version of this key', {
    hints: [`its latest version is ${latest}; use 0 to ${latest}, where 0 enables all versions`],
  })
}

/**
 * Deletes the key and its material. Does nothing if the key does not exist.
 * @throws KeymgmtError KEY_IN_USE while it is distributed, while AWS has KMS keys of a removed
 * distribution, or, without `allowOrphans`, while AWS may have KMS keys of a forgotten one;
 * KEY_PROTECTED unless deletion is allowed; errors of the KMS.
 */
export async function deleteKey(
  engine: Engine,
  name: string,
  { allowOrphans = false }: { readonly allowOrphans?: boolean | undefined } = {},
): Promise<void> {
  await withKeyLock(engine.store, name, `delete keymgmt/key/${name}`, async () => {
    const key = await openRecord<KeyRecord>(engine.store, recordPath.key(name))
    if (!key) return
    await assertDeletable(engine, key.current)
    if (!allowOrphans) assertNothingForgotten(key.current)
    const archived = await archivedOf(engine, key.current)
    await assertDeletedByKms(engine, 'KEY_IN_USE', archived)
    for (const each of archived) await deleteArchived(engine, each)
    // If this command is interrupted, no record names material that is gone.
    await key.update(withoutMaterial)
    await deleteMaterial(engine.store, key.current.id)
    await key.remove()
  })
}

/** PURE: the key without the material of its versions. */
function withoutMaterial(key: KeyRecord): KeyRecord {
  const versions = Object.entries(key.versions).map(
    ([number, version]) => [number, { ...version, material: { state: 'not-in-store' } }] as const,
  )
  return { ...key, versions: Object.fromEntries(versions) }
}

/** Refuses to delete material that the KMS keys of a forgotten distribution may need. */
function assertNothingForgotten({ name, forgotten = [] }: KeyRecord): void {
  const kmsKeys = forgotten.flatMap(({ kmsKeys }) => kmsKeys)
  if (kmsKeys.length === 0) return
  const providers = [...new Set(forgotten.map(({ provider }) => provider))].join(', ')
  throw new KeymgmtError(
    'KEY_IN_USE',
    `AWS may still have KMS keys of ${name} that were forgotten (${providers}): ${kmsKeys.map(kmsKeyName).join(', ')}`,
    {
      hints: [
        'nobody else has this material: without it, nobody can import it into these KMS keys again, or create the same asymmetric or HMAC key',
        `to delete the key anyway: keymgmt delete keymgmt/key/${name} allow_orphans=true`,
      ],
    },
  )
}

async function assertDeletable(engine: Engine, key: KeyRecord): Promise<void> {
  const { name } = key
  const providers = (await distributionsOf(engine, name)).map(({ providerName }) => providerName)
  if (providers.length > 0) {
    throw new KeymgmtError('KEY_IN_USE', `${name} is distributed to ${providers.join(', ')}`, {
      hints: [
        ...providers.map(
          (provider) =>
            `to remove it from ${provider}: keymgmt delete keymgmt/kms/${provider}/key/${name}`,
        ),
        ...providers
          .slice(0, 1)
          .map((gone) => `if ${gone} can never be reached again: ${forgetCommand(gone, name)}`),
      ],
    })
  }
  if (!key.deletionAllowed) {
    throw new KeymgmtError('KEY_PROTECTED', `deletion of ${name} is not allowed`, {
      hints: [`to allow it: keymgmt write keymgmt/key/${name} deletion_allowed=true`],
    })
  }
}
