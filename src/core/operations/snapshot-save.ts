import type { RootKey, SealHeader } from '../../crypto/root-key.js'
import type { Store } from '../../store/store.js'
import { recordPath } from '../records/model.js'
import { inParallel } from '../../parallel.js'
import { createSnapshot } from './snapshot-file.js'
import {
  keyNames,
  missingMaterial,
  readBelow,
  readKeyRecords,
  wipe,
  type Records,
} from './snapshot-records.js'

/** A snapshot, and warnings about material that the store lacks. */
export interface SavedSnapshot {
  readonly text: string
  /** One sentence for each version whose material the store lacks. */
  readonly warnings: readonly string[]
}

/** Attempts to read a key whose provider is deleted or created at the same time. */
const PROVIDER_ATTEMPTS = 3

/**
 * Returns a snapshot of the store. Other commands may write at the same time: the records of one
 * key are all from one moment. Locks a key only if it keeps changing.
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
  // List the material before the keys: a key that is created later is left out together with its
  // material.
  const materials = await store.list(recordPath.materials)
  await inParallel(await keyNames(store), saveKey)
  for (let attempt = 1; ; attempt++) {
    const providers = await readBelow(store, recordPath.providers)
    const without = keysWithoutProvider(saved, providers)
    if (without.length === 0 || attempt === PROVIDER_ATTEMPTS) {
      addAll(snapshot, providers)
      wipe(providers)
      break
    }
    wipe(providers)
    await inParallel(without, saveKey)
  }
  await saveOtherMaterial(store, snapshot, materials, [...saved.values()].flat())
  return {
    text: snapshot.text(),
    warnings: [...warnings.keys()].sort().flatMap((name) => warnings.get(name) ?? []),
  }
}

/** Saves the fingerprint key, and material that no key's record names. */
async function saveOtherMaterial(
  store: Store,
  snapshot: ReturnType<typeof createSnapshot>,
  keyIds: readonly string[],
  saved: readonly string[],
): Promise<void> {
  const complete = new Set(saved.map((path) => path.slice(0, path.lastIndexOf('/'))))
  const folders = keyIds.map(recordPath.materialOf).filter((folder) => !complete.has(folder))
  await inParallel(folders, async (folder) => {
    const records = await readBelow(store, folder)
    addAll(snapshot, records)
    wipe(records)
  })
  const fingerprintKey = await store.get(recordPath.fingerprintKey)
  if (!fingerprintKey) return
  snapshot.add(recordPath.fingerprintKey, fingerprintKey.value)
  fingerprintKey.value.fill(0)
}

function addAll(snapshot: ReturnType<typeof createSnapshot>, records: Records): string[] {
  for (const [path, { value }] of records) snapshot.add(path, value)
  return [...records.keys()]
}

/** Returns the keys with a distribution to a provider that is not in this list. */
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
