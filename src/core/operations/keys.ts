import { randomUUID } from 'node:crypto'
import {
  DEFAULT_KEY_TYPE,
  KEY_TYPES,
  publicKeyPem,
  type KeyTypeName,
} from '../../crypto/key-types.js'
import { KeymgmtError } from '../../errors.js'
import type { Store } from '../../store/store.js'
import type { Engine } from '../engine.js'
import { createRecord, openRecord, type RecordHandle } from '../records/record.js'
import { distributionsOf, requireKey, type NamedDistribution } from '../records/repository.js'
import { copiesOf, newestVersion } from '../reconcile/plan.js'
import {
  recordPath,
  type DistributionRecord,
  type KeyRecord,
  type KeyVersion,
} from '../records/model.js'
import { archivedOf } from '../records/archive.js'
import { resumeUnfinished, reconcileKey } from '../reconcile/reconcile.js'

/** What `write keymgmt/key/:name` may say. */
export interface KeyChange {
  readonly type?: KeyTypeName | undefined
  readonly replica_regions?: readonly string[] | undefined
  readonly deletion_allowed?: boolean | undefined
  readonly min_enabled_version?: number | undefined
}

/** Runs `work` while no other command touches the key. */
export async function withKeyLock<T>(
  store: Store,
  key: string,
  purpose: string,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await store.lock(recordPath.key(key), purpose)
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

/**
 * Makes the key, or changes its settings and brings every distribution in line with them.
 * @throws KeymgmtError FIELD_IMMUTABLE, FIELD_INVALID; nothing is changed then. Errors of the KMS.
 */
export async function saveKey(engine: Engine, name: string, change: KeyChange): Promise<void> {
  await withKeyLock(engine.store, name, `write keymgmt/key/${name}`, async () => {
    const existing = await openRecord<KeyRecord>(engine.store, recordPath.key(name))
    if (existing) await updateKey(engine, existing, change)
    else await createKey(engine, name, change)
  })
}

/** Makes a key that is not there yet, of new material or of `change.material`, which is wiped. */
export async function createKey(
  engine: Engine,
  name: string,
  change: KeyChange & { readonly material?: Uint8Array },
): Promise<void> {
  const type = change.type ?? DEFAULT_KEY_TYPE
  const id = randomUUID()
  const settings = {
    deletion_allowed: change.deletion_allowed ?? false,
    min_enabled_version: checkMinimum(change.min_enabled_version ?? 1, 1),
  }
  const version = await createVersion(
    engine,
    name,
    type,
    1,
    await (change.material ?? KEY_TYPES[type].generate()),
  )
  const replica_regions = [...new Set(change.replica_regions ?? [])]
  const record: KeyRecord = {
    id,
    name,
    type,
    replica_regions,
    latest_version: 1,
    versions: { 1: version },
    ...settings,
  }
  await createRecord(engine.store, recordPath.key(name), record)
}

/**
 * Material is stored before the record that tells of it, so no version is ever known without its
 * bytes. What is found in its place was left by a command that did not get as far as that record:
 * nobody was given it, and it is replaced. Wipes `material`.
 */
async function createVersion(
  engine: Engine,
  key: string,
  type: KeyTypeName,
  version: number,
  material: Uint8Array,
): Promise<KeyVersion> {
  const path = recordPath.material(key, version)
  try {
    const leftover = await engine.store.get(path)
    leftover?.value.fill(0)
    await engine.store.put(path, material, leftover?.revision ?? 0)
    const public_key = publicKeyPem(type, material)
    return { creation_time: engine.now().toISOString(), ...(public_key && { public_key }) }
  } finally {
    material.fill(0)
  }
}

async function updateKey(
  engine: Engine,
  handle: RecordHandle<KeyRecord>,
  change: KeyChange,
): Promise<void> {
  const { type, replica_regions } = handle.current
  if (change.type !== undefined && change.type !== type) throw immutable('type', type)
  if (change.replica_regions && !sameSet(change.replica_regions, replica_regions)) {
    throw immutable('replica_regions', replica_regions.join(',') || 'not set')
  }
  const next = {
    deletion_allowed: change.deletion_allowed ?? handle.current.deletion_allowed,
    min_enabled_version: checkMinimum(
      change.min_enabled_version ?? handle.current.min_enabled_version,
      newestVersion(handle.current),
    ),
  }
  const placed = await resumeUnfinished(engine, handle)
  const differs =
    next.deletion_allowed !== handle.current.deletion_allowed ||
    next.min_enabled_version !== handle.current.min_enabled_version
  if (differs) await handle.update((current) => ({ ...current, ...next }))
  await reconcileKey(engine, handle, placed)
}

function immutable(field: string, value: string): KeymgmtError {
  return new KeymgmtError('FIELD_IMMUTABLE', `field "${field}" is ${value} and can't be changed`, {
    hints: ['make another key under another name'],
  })
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return [...new Set(one)].sort().join() === [...other].sort().join()
}

function checkMinimum(minimum: number, latest: number): number {
  if (minimum >= 0 && minimum <= latest) return minimum
  throw new KeymgmtError(
    'FIELD_INVALID',
    `min_enabled_version=${minimum} is not a version of this key`,
    {
      hints: [`its latest version is ${latest}; give 0 to ${latest}, where 0 enables all`],
    },
  )
}

/**
 * Makes a new version, puts it into every distribution and moves the aliases; only then it is the
 * latest. A rotation that was interrupted is finished instead, with the version that it made.
 * @returns the key as it is then.
 * @throws KeymgmtError KEY_NOT_FOUND; errors of the KMS, after which the same call goes on.
 */
export async function rotateKey(engine: Engine, name: string): Promise<KeyRecord> {
  return withKeyLock(engine.store, name, `rotate keymgmt/key/${name}`, async () => {
    const handle = await requireKey(engine, name)
    const { type, latest_version } = handle.current
    const placed = await resumeUnfinished(engine, handle)
    if (handle.current.latest_version > latest_version) return handle.current
    await addVersion(engine, handle, placed, await KEY_TYPES[type].generate())
    return handle.current
  })
}

/**
 * Adds a version with this material, which is wiped, and puts it everywhere; the key is locked and
 * nothing unfinished.
 */
export async function addVersion(
  engine: Engine,
  handle: RecordHandle<KeyRecord>,
  placed: readonly NamedDistribution[],
  material: Uint8Array,
): Promise<void> {
  const { name, type, latest_version } = handle.current
  const pending_version = latest_version + 1
  const version = await createVersion(engine, name, type, pending_version, material)
  await handle.update((current) => ({
    ...current,
    pending_version,
    versions: { ...current.versions, [pending_version]: version },
  }))
  await reconcileKey(engine, handle, placed)
}

/**
 * Deletes the key with its material; one that is not there is deleted already.
 * @throws KeymgmtError KEY_IN_USE while it is distributed, KEY_PROTECTED unless `deletion_allowed`.
 */
export async function deleteKey(engine: Engine, name: string): Promise<void> {
  await withKeyLock(engine.store, name, `delete keymgmt/key/${name}`, async () => {
    const handle = await openRecord<KeyRecord>(engine.store, recordPath.key(name))
    if (!handle) return
    const providers = (await distributionsOf(engine, name)).map(({ kms }) => kms)
    if (providers.length > 0) {
      throw new KeymgmtError('KEY_IN_USE', `${name} is distributed to ${providers.join(', ')}`, {
        hints: providers.map((kms) => `keymgmt delete keymgmt/kms/${kms}/key/${name}`),
      })
    }
    if (!handle.current.deletion_allowed) {
      throw new KeymgmtError('KEY_PROTECTED', `deletion of ${name} is not allowed`, {
        hints: [`allow it: keymgmt write keymgmt/key/${name} deletion_allowed=true`],
      })
    }
    const dependent = (await archivedOf(engine, handle.current)).find(
      ({ record, gone }) => !gone && dependsOnMaterial(record),
    )
    if (dependent) {
      throw new KeymgmtError(
        'KEY_IN_USE',
        `KMS keys of ${name} in ${dependent.kms} can be brought back only with its material`,
        {
          hints: [
            `bring them back: keymgmt write -f keymgmt/kms/${dependent.kms}/key/${name}/restore`,
            'or wait until AWS has deleted them',
          ],
        },
      )
    }
    await deleteMaterial(engine, name)
    await handle.remove()
  })
}

/** Whether a KMS key of it is without its material, so that ours is all that there is. */
function dependsOnMaterial(record: DistributionRecord): boolean {
  return copiesOf(record).some(({ copy }) => copy.key !== undefined && !copy.imported)
}

async function deleteMaterial(engine: Engine, key: string): Promise<void> {
  for (const version of await engine.store.list(recordPath.materialOf(key))) {
    const path = recordPath.material(key, Number(version))
    const stored = await engine.store.get(path)
    stored?.value.fill(0)
    if (stored) await engine.store.delete(path, stored.revision)
  }
}
