import { KeymgmtError } from '../../errors.js'
import { OPERATION_TAG } from '../../kms/kms-key.js'
import type { RecordHandle } from './record.js'
import {
  without,
  type AliasEntry,
  type AliasState,
  type CreatedKmsKey,
  type DistributionRecord,
  type KmsKeyEntry,
  type KmsKeyPlace,
  type LostKmsKey,
  type MaterialEntry,
} from './model.js'

/** The part of a distribution that says which KMS key has or is to have a version. */
type KmsKeysOf = Pick<DistributionRecord, 'kmsKeys' | 'rotation'>

/** True if each KMS key of the distribution has the material of all versions. */
export function isInPlace({ rotation }: Pick<DistributionRecord, 'rotation'>): boolean {
  return rotation === 'in_place'
}

const isAt =
  (record: Pick<DistributionRecord, 'rotation'>, { version, region }: KmsKeyPlace) =>
  (entry: KmsKeyPlace): boolean =>
    entry.region === region && (isInPlace(record) || entry.version === version)

/**
 * The entry of the KMS key that has or is to have the material of one version in one Region. With
 * rotation in place, a Region has only one entry.
 */
export function kmsKeyAt(
  record: KmsKeysOf,
  version: number,
  region: string,
): KmsKeyEntry | undefined {
  return record.kmsKeys.find(isAt(record, { version, region }))
}

/** Returns the entry if the KMS key exists, as far as the record shows. */
export function createdKmsKeyAt(
  record: KmsKeysOf,
  version: number,
  region: string,
): CreatedKmsKey | undefined {
  const entry = kmsKeyAt(record, version, region)
  return entry?.state === 'created' ? entry : undefined
}

/** The Region of the primary of one version: its replicas are created from it. */
export function primaryRegion(
  record: Pick<DistributionRecord, 'regions' | 'primaryRegions' | 'rotation'>,
  version: number,
): string {
  const { regions, primaryRegions = {} } = record
  const moved = isInPlace(record) ? Object.values(primaryRegions)[0] : primaryRegions[version]
  return moved ?? regions[0] ?? ''
}

/** Returns the entries of the KMS keys that exist, as far as the record shows. */
export function createdKmsKeys({ kmsKeys }: Pick<DistributionRecord, 'kmsKeys'>): CreatedKmsKey[] {
  return kmsKeys.filter((entry) => entry.state === 'created')
}

/** Returns the latest of the deletion dates that AWS has named. */
export function lastDeletion(record: Pick<DistributionRecord, 'kmsKeys'>): string | undefined {
  return createdKmsKeys(record)
    .flatMap(({ deletion }) => deletion?.date ?? [])
    .sort()
    .at(-1)
}

/** Returns the entry of a KMS key that AWS deletes on `date`, or once it names a date. */
export function withDeletion(entry: CreatedKmsKey, date: Date | undefined): CreatedKmsKey {
  return { ...entry, deletion: date ? { date: date.toISOString() } : {} }
}

/** Returns the entry of a KMS key whose deletion may be scheduled without a reply on record. */
export function withPossibleDeletion<Entry extends KmsKeyEntry>(entry: Entry): Entry {
  return entry.state === 'created' ? { ...entry, deletion: entry.deletion ?? {} } : entry
}

/** Returns the entry of a KMS key that AWS no longer has. */
export function lost(entry: CreatedKmsKey): LostKmsKey {
  return { ...without(entry, 'deletion', 'enabled'), state: 'lost' }
}

/**
 * Returns the entry of a lost KMS key that AWS shows again. The next plan enables it if necessary.
 */
export function found(entry: LostKmsKey): CreatedKmsKey {
  return { ...entry, state: 'created' }
}

/**
 * Returns the entry of a created KMS key, which must be on record.
 * @throws KeymgmtError STORE_CORRUPT
 */
export function requireKmsKey(
  { path, current }: Pick<RecordHandle<DistributionRecord>, 'path' | 'current'>,
  { version, region }: KmsKeyPlace,
): CreatedKmsKey {
  const entry = createdKmsKeyAt(current, version, region)
  if (entry) return entry
  throw new KeymgmtError(
    'STORE_CORRUPT',
    `${path} has no KMS key for version ${version} in ${region}`,
  )
}

/**
 * Returns the last recorded state of a KMS key, in the words of {@link KmsKeyState}, or as `lost`
 * or `creating`, which only records have.
 */
export function recordedState(entry: KmsKeyEntry): string {
  if (entry.state !== 'created') return entry.state
  if (entry.deletion) return 'pending-deletion'
  // A pending material changes nothing until the KMS key is rotated to it.
  if (entry.materials.some(({ imported, pending }) => !imported && !pending))
    return 'pending-import'
  return entry.enabled === false ? 'disabled' : 'enabled'
}

/** True if all materials of the KMS key are imported. */
export function holdsMaterial({ materials }: CreatedKmsKey): boolean {
  return materials.length > 0 && materials.every(({ imported }) => imported)
}

/** True if the store does not have the material of the KMS key's version. */
export function lacksOriginal({ materials }: CreatedKmsKey): boolean {
  return materials.length === 0
}

/** Returns the KMS key with `imported` set for all of its materials. */
export function withImported(entry: CreatedKmsKey, imported: boolean): CreatedKmsKey {
  return { ...entry, materials: entry.materials.map((material) => ({ ...material, imported })) }
}

/** The material of one version in a KMS key. */
export function materialIn(
  { materials }: Pick<CreatedKmsKey, 'materials'>,
  version: number,
): MaterialEntry | undefined {
  return materials.find((material) => material.version === version)
}

/** True if the material belongs to the KMS key permanently: AWS accepts it again, by its id. */
export function isAssociated({ imported, materialId, pending }: MaterialEntry): boolean {
  return !pending && (imported || materialId !== undefined)
}

/** True if the KMS key can be used: no material that was ever current in it is missing. */
export function isFilled({ materials }: CreatedKmsKey): boolean {
  const associated = materials.filter(isAssociated)
  return associated.length > 0 && associated.every(({ imported }) => imported)
}

/** The version whose material is current in the KMS key; undefined if it has none. */
export function currentVersion({
  materials,
}: Pick<CreatedKmsKey, 'materials'>): number | undefined {
  return materials.filter(isAssociated).at(-1)?.version
}

/** The versions that can be used with the KMS key, ascending, or are to be brought back to it. */
export function versionsIn(
  { version, materials }: Pick<CreatedKmsKey, 'version' | 'materials'>,
  rotation: DistributionRecord['rotation'],
): number[] {
  return rotation === 'in_place'
    ? materials.filter(isAssociated).map((each) => each.version)
    : [version]
}

/** Returns the KMS key with this material, which replaces an earlier entry of the same version. */
export function putMaterial(entry: CreatedKmsKey, material: MaterialEntry): CreatedKmsKey {
  const others = entry.materials.filter(({ version }) => version !== material.version)
  const materials = [...others, material].sort((one, other) => one.version - other.version)
  return { ...entry, materials }
}

/** Returns the KMS key without the material of this version. */
export function withoutMaterial(entry: CreatedKmsKey, version: number): CreatedKmsKey {
  return { ...entry, materials: entry.materials.filter((each) => each.version !== version) }
}

/**
 * Returns the record with this entry, which replaces an earlier one of the same version and Region.
 */
export function putKmsKey(record: DistributionRecord, entry: KmsKeyEntry): DistributionRecord {
  const isOther = (other: KmsKeyPlace) => !isAt(record, entry)(other)
  const others = record.kmsKeys.filter(isOther)
  const order = [...record.regions, ...(record.droppedRegions ?? [])]
  const place = ({ region }: KmsKeyPlace) => order.indexOf(region)
  const kmsKeys = [...others, entry].sort(
    (one, other) => one.version - other.version || place(one) - place(other),
  )
  return { ...record, kmsKeys }
}

/** Returns the ARN of a KMS key or, if its creation has no reply, the tag that finds it. */
export function kmsKeyName(entry: KmsKeyEntry): string {
  return entry.state === 'creating'
    ? `a KMS key in ${entry.region} with the tag ${OPERATION_TAG}=${entry.operationId}, if there is one`
    : entry.key.arn
}

/** Returns the record without the entry of this version and Region. */
export function dropKmsKey(record: DistributionRecord, place: KmsKeyPlace): DistributionRecord {
  const isDropped = isAt(record, place)
  return { ...record, kmsKeys: record.kmsKeys.filter((entry) => !isDropped(entry)) }
}

/** The entry of an alias. */
export function aliasAt(
  { aliases }: Pick<DistributionRecord, 'aliases'>,
  region: string,
  name: string,
): AliasEntry | undefined {
  return aliases.find((entry) => entry.region === region && entry.name === name)
}

/** Returns the entry of an alias that may be gone. An alias that was never ours stays `pending`. */
export function uncertainAlias({ region, name, state }: AliasEntry): AliasEntry {
  return { region, name, state: state === 'pending' ? 'pending' : 'uncertain' }
}

/**
 * Returns the record with this state of the alias, or without the alias if `state` is undefined.
 */
export function putAlias(
  record: DistributionRecord,
  region: string,
  name: string,
  state: AliasState | undefined,
): DistributionRecord {
  const others = record.aliases.filter((entry) => entry.region !== region || entry.name !== name)
  return { ...record, aliases: state ? [...others, { region, name, ...state }] : others }
}
