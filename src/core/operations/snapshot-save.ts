import type { RootKey, SealHeader } from '../../crypto/root-key.js'
import type { Store } from '../../store/store.js'
import { recordPath } from '../records/model.js'
import { createSnapshot } from './snapshot-file.js'
import {
  keyNames,
  missingMaterial,
  readBelow,
  readKeyRecords,
  wipe,
  type Records,
} from './snapshot-records.js'

/** A snapshot, and what is missing in the store that it was made of. */
export interface SavedSnapshot {
  readonly text: string
  /** One sentence for each version whose material the store does not have. */
  readonly warnings: readonly string[]
}

/** Attempts to read a key whose provider was deleted or created at the same time. */
const PROVIDER_ATTEMPTS = 3

/**
 * Makes a snapshot of the store, which other commands may write at the same time: the records of
 * one key are from one moment. Takes a key's lock only if the key changes all the time.
 * @throws KeymgmtError STORE_LOCKED; errors of the store.
 */
export async function saveSnapshot(
  store: Store,
  header: SealHeader,
  root: RootKey,
  created: Date,
): Promise<SavedSnapshot> {
  const snapshot = createSnapshot(header, root, created)
  const warnings = new Map<string, readonly string[]>()
  /** The paths of each key's records in the snapshot. */
  const saved = new Map<string, readonly string[]>()
  const saveKey = async (name: string) => {
    const records = await readKeyRecords(store, name)
    for (const path of saved.get(name) ?? []) snapshot.remove(path)
    saved.set(name, addAll(snapshot, records))
    const missing = missingMaterial(records, name)
    warnings.set(
      name,
      missing.map(
        (version) => `the store does not have the material of ${name} version ${version}`,
      ),
    )
    wipe(records)
  }
  // Listed before the keys: the material of a key that is created later is left out with the key.
  const materials = await store.list(recordPath.materials)
  for (const name of await keyNames(store)) await saveKey(name)
  for (let attempt = 1; ; attempt++) {
    const providers = await readBelow(store, recordPath.providers)
    const without = keysWithoutProvider(saved, providers)
    if (without.length === 0 || attempt === PROVIDER_ATTEMPTS) {
      addAll(snapshot, providers)
      wipe(providers)
      break
    }
    wipe(providers)
    for (const name of without) await saveKey(name)
  }
  await saveOtherMaterial(store, snapshot, materials, [...saved.values()].flat())
  return { text: snapshot.text(), warnings: [...warnings.values()].flat() }
}

/** Material that no key's record names, and the fingerprint key, which is written before any. */
async function saveOtherMaterial(
  store: Store,
  snapshot: ReturnType<typeof createSnapshot>,
  keyIds: readonly string[],
  saved: readonly string[],
): Promise<void> {
  for (const folder of keyIds.map(recordPath.materialOf)) {
    if (saved.some((path) => path.startsWith(`${folder}/`))) continue
    const records = await readBelow(store, folder)
    addAll(snapshot, records)
    wipe(records)
  }
  const fingerprintKey = await store.get(recordPath.fingerprintKey)
  if (!fingerprintKey) return
  snapshot.add(recordPath.fingerprintKey, fingerprintKey.value)
  fingerprintKey.value.fill(0)
}

function addAll(snapshot: ReturnType<typeof createSnapshot>, records: Records): string[] {
  for (const [path, { value }] of records) snapshot.add(path, value)
  return [...records.keys()]
}

/** The keys with a distribution to a provider that is not among these. */
function keysWithoutProvider(
  saved: ReadonlyMap<string, readonly string[]>,
  providers: Records,
): string[] {
  const isComplete = (path: string) => {
    const [folder, provider = ''] = path.split('/')
    return folder !== recordPath.distributions || providers.has(recordPath.provider(provider))
  }
  return [...saved].filter(([, paths]) => !paths.every(isComplete)).map(([name]) => name)
}
