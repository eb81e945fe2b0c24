import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import type { Store, StoredRecord } from '../../store/store.js'
import { recordPath, type KeyRecord } from './model.js'

// Material is written once, before the record that names it. If a command is interrupted in
// between, no record names the material, which nevertheless stays.

const FINGERPRINT_KEY_BYTES = 32

/** 128 bits, in hexadecimal. */
const FINGERPRINT_LENGTH = 32

/**
 * Returns a name for material that reveals nothing of it: an HMAC under a sealed key of the store.
 * Equal bytes in one store have equal fingerprints. The first use creates the key.
 * @throws KeymgmtError STORE_CORRUPT if the key is missing or damaged.
 */
export async function fingerprintOf(store: Store, material: Uint8Array): Promise<string> {
  const known = await store.get(recordPath.fingerprintKey)
  if (known) return fingerprintUnder(known, material)
  await createFingerprintKey(store)
  return fingerprintUnder(await store.get(recordPath.fingerprintKey), material)
}

/** Returns the fingerprint under the key in the record, and wipes that key. */
function fingerprintUnder(stored: StoredRecord | undefined, material: Uint8Array): string {
  const key = stored?.value
  try {
    if (key?.length !== FINGERPRINT_KEY_BYTES) throw fingerprintKeyError(stored)
    return createHmac('sha256', key).update(material).digest('hex').slice(0, FINGERPRINT_LENGTH)
  } finally {
    key?.fill(0)
  }
}

function fingerprintKeyError(stored: StoredRecord | undefined): KeymgmtError {
  const problem = stored ? 'has no valid content' : 'is not in the store'
  return new KeymgmtError('STORE_CORRUPT', `the record ${recordPath.fingerprintKey} ${problem}`, {
    hints: ['restore the store from a backup; nothing was changed'],
  })
}

/**
 * Creates the fingerprint key of a store that has none. If two commands do this at once, one writes
 * the key and both read it. If the store already has material, the key is missing: a new one would
 * make all fingerprints wrong.
 */
async function createFingerprintKey(store: Store): Promise<void> {
  if ((await store.list(recordPath.materials)).length > 0) return
  const key = randomBytes(FINGERPRINT_KEY_BYTES)
  await putIfAbsent(store, recordPath.fingerprintKey, key)
  key.fill(0)
}

/** Writes a new record; returns false if one exists. */
async function putIfAbsent(store: Store, path: string, value: Uint8Array): Promise<boolean> {
  try {
    await store.put(path, value, undefined)
    return true
  } catch (error) {
    if (error instanceof KeymgmtError && error.code === 'STORE_CONFLICT') return false
    throw error
  }
}

/**
 * Writes the material of one version under its fingerprint. Never replaces material: writing the
 * same bytes again changes nothing.
 * @throws KeymgmtError STORE_CORRUPT if other bytes have the same name. They are not changed.
 */
export async function writeMaterial(
  store: Store,
  keyId: string,
  version: number,
  material: Uint8Array,
  fingerprint: string,
): Promise<void> {
  const path = materialPath(keyId, version, fingerprint)
  if (await putIfAbsent(store, path, material)) return
  const existing = (await store.get(path))?.value
  const same = existing && equalBytes(existing, material)
  existing?.fill(0)
  if (same) return
  throw new KeymgmtError(
    'STORE_CORRUPT',
    `${path} contains material that does not match its name`,
    {
      hints: ['nothing was changed; restore the store from a backup'],
    },
  )
}

/** Returns the path of the material of one version. */
export function materialPath(keyId: string, version: number, fingerprint: string): string {
  return recordPath.material(keyId, materialName(version, fingerprint))
}

/** Begins with the version, so that a person can find it in the store's folder. */
function materialName(version: number, fingerprint: string): string {
  return `${version}-${fingerprint}`
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

/**
 * Runs `use` with the material of one version, and wipes the material afterwards.
 * @throws KeymgmtError STORE_CORRUPT if the material is missing or does not match the fingerprint
 * in the key's record.
 */
export async function withMaterial<T>(
  store: Store,
  key: KeyRecord,
  version: number,
  use: (material: Uint8Array) => Promise<T>,
): Promise<T> {
  const fingerprint = materialFingerprint(key, version)
  const [fingerprintKey, stored] = await Promise.all([
    store.get(recordPath.fingerprintKey),
    store.get(materialPath(key.id, version, fingerprint)),
  ])
  if (!stored) {
    fingerprintKey?.value.fill(0)
    throw missingMaterialError(key, version)
  }
  try {
    if (fingerprintUnder(fingerprintKey, stored.value) !== fingerprint)
      throw otherMaterialError(key, version)
    return await use(stored.value)
  } finally {
    stored.value.fill(0)
  }
}

/**
 * Returns the fingerprint of a version's material.
 * @throws KeymgmtError STORE_CORRUPT for a version whose material is not in this store.
 */
export function materialFingerprint(key: KeyRecord, version: number): string {
  const material = key.versions[version]?.material
  if (material?.state === 'stored') return material.fingerprint
  throw missingMaterialError(key, version)
}

function missingMaterialError({ name }: KeyRecord, version: number): KeymgmtError {
  return new KeymgmtError(
    'STORE_CORRUPT',
    `the material of ${name} version ${version} is not in the store`,
    { hints: ['restore the store from a backup; nothing was changed'] },
  )
}

function otherMaterialError({ name }: KeyRecord, version: number): KeymgmtError {
  return new KeymgmtError(
    'STORE_CORRUPT',
    `the material of ${name} version ${version} does not match the fingerprint in the key's record`,
    { hints: ['restore the store from a backup; nothing was changed'] },
  )
}

/** Deletes all material of the key, including what interrupted commands left. */
export async function deleteMaterial(store: Store, keyId: string): Promise<void> {
  for (const name of await store.list(recordPath.materialOf(keyId))) {
    const path = recordPath.material(keyId, name)
    const stored = await store.get(path)
    stored?.value.fill(0)
    if (stored) await store.delete(path, stored.revision)
  }
}
