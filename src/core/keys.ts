import { randomUUID } from 'node:crypto'
import { KEY_TYPES, publicKeyPem, type KeyTypeName } from '../crypto/key-types.js'
import { KeymgmtError } from '../errors.js'
import type { Store } from '../store/store.js'
import { converge } from './converge.js'
import type { Engine } from './engine.js'
import { createLedger, openLedger, requireLedger, type Ledger } from './ledger.js'
import { newestVersion } from './plan.js'
import { openProvider, requireProvider } from './providers.js'
import { recordPath, type DistributionRecord, type KeyRecord, type KeyVersion } from './records.js'

/** What `write keymgmt/key/:name` may say. */
export interface KeyChange {
  readonly type?: KeyTypeName | undefined
  readonly replica_regions?: readonly string[] | undefined
  readonly deletion_allowed?: boolean | undefined
  readonly min_enabled_version?: number | undefined
}

/** The type of a key that is made without saying one; Vault's default. */
export const DEFAULT_KEY_TYPE: KeyTypeName = 'rsa-2048'

/** Runs `work` while no other command touches the key. */
export async function withKeyLock<T>(store: Store, key: string, purpose: string, work: () => Promise<T>): Promise<T> {
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
    const existing = await openLedger<KeyRecord>(engine.store, recordPath.key(name))
    if (existing) await updateKey(engine, existing, change)
    else await createKey(engine, name, change)
  })
}

async function createKey(engine: Engine, name: string, change: KeyChange): Promise<void> {
  const type = change.type ?? DEFAULT_KEY_TYPE
  const id = randomUUID()
  const settings = {
    deletion_allowed: change.deletion_allowed ?? false,
    min_enabled_version: checkMinimum(change.min_enabled_version ?? 1, 1),
  }
  const version = await makeVersion(engine, id, type, 1)
  const replica_regions = [...new Set(change.replica_regions ?? [])]
  const record: KeyRecord = { id, name, type, replica_regions, latest_version: 1, versions: { 1: version }, ...settings }
  await createLedger(engine.store, recordPath.key(name), record)
}

/** Material is stored before the record that tells of it, so no version is ever known without its bytes. */
async function makeVersion(engine: Engine, keyId: string, type: KeyTypeName, version: number): Promise<KeyVersion> {
  const path = recordPath.material(keyId, version)
  const leftover = await engine.store.get(path)
  const material = leftover?.value ?? (await KEY_TYPES[type].generate())
  try {
    if (!leftover) await engine.store.put(path, material, 0)
    const public_key = publicKeyPem(type, material)
    return { creation_time: engine.now().toISOString(), ...(public_key && { public_key }) }
  } finally {
    material.fill(0)
  }
}

async function updateKey(engine: Engine, ledger: Ledger<KeyRecord>, change: KeyChange): Promise<void> {
  const { name, type, replica_regions, latest_version } = ledger.current
  if (change.type !== undefined && change.type !== type) throw immutable('type', type)
  if (change.replica_regions && !sameSet(change.replica_regions, replica_regions)) {
    throw immutable('replica_regions', replica_regions.join(',') || 'not set')
  }
  const next = {
    deletion_allowed: change.deletion_allowed ?? ledger.current.deletion_allowed,
    min_enabled_version: checkMinimum(change.min_enabled_version ?? ledger.current.min_enabled_version, latest_version),
  }
  const differs = next.deletion_allowed !== ledger.current.deletion_allowed || next.min_enabled_version !== ledger.current.min_enabled_version
  if (differs) await ledger.update((current) => ({ ...current, ...next }))
  await bringInLine(engine, ledger.current, await distributionsOf(engine, name))
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
  throw new KeymgmtError('FIELD_INVALID', `min_enabled_version=${minimum} is not a version of this key`, {
    hints: [`its latest version is ${latest}; give 0 to ${latest}, where 0 enables all`],
  })
}

/** The key, or undefined. */
export async function readKey(engine: Engine, name: string): Promise<KeyRecord | undefined> {
  return (await openLedger<KeyRecord>(engine.store, recordPath.key(name)))?.current
}

/** The key that must be there. @throws KeymgmtError KEY_NOT_FOUND */
export function requireKey(engine: Engine, name: string): Promise<Ledger<KeyRecord>> {
  return requireLedger<KeyRecord>(engine.store, recordPath.key(name), () =>
    new KeymgmtError('KEY_NOT_FOUND', `there is no key ${name}`, {
      hints: [`make it: keymgmt write -f keymgmt/key/${name} type=aes256-gcm96`, 'see which there are: keymgmt list keymgmt/key'],
    }),
  )
}

/**
 * Makes a new version, puts it into every distribution and moves the aliases; only then it is the latest. A rotation
 * that was interrupted is finished instead, with the version that it made.
 * @throws KeymgmtError KEY_NOT_FOUND; errors of the KMS, after which the same call goes on.
 */
export async function rotateKey(engine: Engine, name: string): Promise<void> {
  await withKeyLock(engine.store, name, `rotate keymgmt/key/${name}`, async () => {
    const ledger = await requireKey(engine, name)
    const { id, type, latest_version } = ledger.current
    if (ledger.current.pending_version === undefined) {
      const pending_version = latest_version + 1
      const version = await makeVersion(engine, id, type, pending_version)
      await ledger.update((current) => ({
        ...current,
        pending_version,
        versions: { ...current.versions, [pending_version]: version },
      }))
    } else {
      engine.progress(`finishing the rotation of ${name} to version ${ledger.current.pending_version}`)
    }
    await bringInLine(engine, ledger.current, await distributionsOf(engine, name))
    await ledger.update(({ pending_version = latest_version, ...current }) => ({ ...current, latest_version: pending_version }))
  })
}

/**
 * Deletes the key with its material; one that is not there is deleted already.
 * @throws KeymgmtError KEY_IN_USE while it is distributed, KEY_PROTECTED unless `deletion_allowed`.
 */
export async function deleteKey(engine: Engine, name: string): Promise<void> {
  await withKeyLock(engine.store, name, `delete keymgmt/key/${name}`, async () => {
    const ledger = await openLedger<KeyRecord>(engine.store, recordPath.key(name))
    if (!ledger) return
    const providers = (await distributionsOf(engine, name)).map(({ kms }) => kms)
    if (providers.length > 0) {
      throw new KeymgmtError('KEY_IN_USE', `${name} is distributed to ${providers.join(', ')}`, {
        hints: providers.map((kms) => `keymgmt delete keymgmt/kms/${kms}/key/${name}`),
      })
    }
    if (!ledger.current.deletion_allowed) {
      throw new KeymgmtError('KEY_PROTECTED', `deletion of ${name} is not allowed`, {
        hints: [`allow it: keymgmt write keymgmt/key/${name} deletion_allowed=true`],
      })
    }
    for (let version = 1; version <= newestVersion(ledger.current); version++) {
      const path = recordPath.material(ledger.current.id, version)
      const stored = await engine.store.get(path)
      stored?.value.fill(0)
      if (stored) await engine.store.delete(path, stored.revision)
    }
    await ledger.remove()
  })
}

/** A distribution of a key, with the provider that it is in. */
export interface PlacedDistribution {
  readonly kms: string
  readonly ledger: Ledger<DistributionRecord>
}

/** Where the key is distributed, by provider. Providers are few; keys are many: so this asks each provider. */
export async function distributionsOf(engine: Engine, key: string): Promise<PlacedDistribution[]> {
  const placed = await Promise.all(
    (await engine.store.list(recordPath.distributions)).map(async (kms) => {
      const ledger = await openLedger<DistributionRecord>(engine.store, recordPath.distribution(kms, key))
      return ledger ? [{ kms, ledger }] : []
    }),
  )
  return placed.flat()
}

/** Every distribution gets its chance before the first failure is reported. */
async function bringInLine(engine: Engine, key: KeyRecord, placed: readonly PlacedDistribution[]): Promise<void> {
  const results = await Promise.allSettled(
    placed.map(async ({ kms, ledger }) => {
      if (ledger.current.state !== 'active') {
        throw new KeymgmtError('KEY_IN_USE', `the removal of ${key.name} from ${kms} is not finished`, {
          hints: [`finish it: keymgmt delete keymgmt/kms/${kms}/key/${key.name}`],
        })
      }
      await converge(engine, key, ledger, await openProvider(engine, await requireProvider(engine, kms)))
    }),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
