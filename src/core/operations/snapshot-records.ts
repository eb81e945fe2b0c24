import type { Store } from '../../store/store.js'
import { withKeyLock } from '../records/locks.js'
import { materialPath } from '../records/material.js'
import { decodeRecord } from '../records/codec.js'
import { recordPath, type KeyRecord } from '../records/model.js'
import { inParallel } from '../../parallel.js'

/** Records by path. */
export type Records = ReadonlyMap<string, { readonly revision: string; readonly value: Uint8Array }>

/** Returns the record at `path`, or undefined. */
export function recordIn(
  records: ReadonlyMap<string, { readonly value: Uint8Array }>,
  path: string,
): unknown {
  const found = records.get(path)
  return found && decodeRecord(path, found.value)
}

/** Returns the names of all keys that a record mentions, even if the key itself was deleted. */
export async function keyNames(store: Store): Promise<string[]> {
  const [keys, distributions, archive] = await Promise.all([
    store.list(recordPath.keys),
    pathsBelow(store, recordPath.distributions),
    pathsBelow(store, recordPath.archive),
  ])
  const names = [...distributions, ...archive].map(keyOf)
  return [...new Set([...keys, ...names])].sort()
}

/** Returns the key in the path of an active or archived distribution. */
function keyOf(path: string): string {
  const name = path.split('/').at(-1) ?? ''
  return path.startsWith(`${recordPath.archive}/`) ? name.replace(/-\d+$/, '') : name
}

/** Attempts to read a key's records before its lock is taken. */
const UNLOCKED_ATTEMPTS = 8

/**
 * Reads all records of one key as of one moment: the key, its active and archived distributions,
 * and its material. Repeats this until nothing changes in between, and finally locks a key that
 * keeps changing. The caller wipes the values.
 * @throws KeymgmtError STORE_LOCKED
 */
export async function readKeyRecords(store: Store, name: string): Promise<Records> {
  for (let attempt = 1; attempt <= UNLOCKED_ATTEMPTS; attempt++) {
    const records = await readStable(store, name)
    if (records && missingMaterial(records, name).length === 0) return records
    wipe(records)
  }
  return withKeyLock(store, name, 'operator snapshot save', async () => {
    const records = await readStable(store, name)
    if (records) return records
    throw new Error(`the records of ${name} changed although they are locked`)
  })
}

/** Returns the records, or undefined if one of them changed while they were read. */
async function readStable(store: Store, name: string): Promise<Records | undefined> {
  const before = await readPlainRecords(store, name)
  const key = recordIn(before, recordPath.key(name)) as KeyRecord | undefined
  const material = key && (await readBelow(store, recordPath.materialOf(key.id)))
  const after = await readPlainRecords(store, name)
  if (revisionsOf(before) === revisionsOf(after)) return new Map([...before, ...(material ?? [])])
  wipe(material)
  return undefined
}

/** Returns the records of one key without its material. */
export async function readPlainRecords(store: Store, name: string): Promise<Records> {
  const [providers, archived] = await Promise.all([
    store.list(recordPath.distributions),
    pathsBelow(store, recordPath.archive),
  ])
  return readAll(store, [
    recordPath.key(name),
    ...providers.map((provider) => recordPath.distribution(provider, name)),
    ...archived.filter((path) => keyOf(path) === name),
  ])
}

function revisionsOf(records: Records): string {
  return [...records].map(([path, { revision }]) => `${path} ${revision}\n`).join('')
}

/** Returns the versions whose material the key's record names and the records lack. */
export function missingMaterial(
  records: ReadonlyMap<string, { readonly value: Uint8Array }>,
  name: string,
): number[] {
  const key = recordIn(records, recordPath.key(name)) as KeyRecord | undefined
  return Object.entries(key?.versions ?? {}).flatMap(([version, { material }]) => {
    if (!key || material.state !== 'stored') return []
    const path = materialPath(key.id, Number(version), material.fingerprint)
    return records.has(path) ? [] : [Number(version)]
  })
}

/** Returns the records directly below `folder`. */
export async function readBelow(store: Store, folder: string): Promise<Records> {
  return readAll(
    store,
    (await store.list(folder)).map((name) => `${folder}/${name}`),
  )
}

/** Returns the records at these paths. Skips paths without a record. */
async function readAll(store: Store, paths: readonly string[]): Promise<Records> {
  const found = await inParallel(paths, async (path) => [path, await store.get(path)] as const)
  return new Map(found.flatMap(([path, stored]) => (stored ? [[path, stored] as const] : [])))
}

/** Returns the paths of the records in the folders below `folder`. */
async function pathsBelow(store: Store, folder: string): Promise<string[]> {
  const folders = (await store.list(folder)).map((name) => `${folder}/${name}`)
  const names = await Promise.all(folders.map((each) => store.list(each)))
  return folders.flatMap((each, index) => (names[index] ?? []).map((name) => `${each}/${name}`))
}

/** Overwrites the values, which may be secrets. */
export function wipe(
  records: ReadonlyMap<string, { readonly value: Uint8Array }> | undefined,
): void {
  for (const { value } of records?.values() ?? []) value.fill(0)
}
