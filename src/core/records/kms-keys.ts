import { KeymgmtError } from '../../errors.js'
import { OPERATION_TAG } from '../../kms/provider.js'
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

const isAt =
  ({ version, region }: KmsKeyPlace) =>
  (entry: KmsKeyPlace): boolean =>
    entry.version === version && entry.region === region

/** The entry of one version in one Region. */
export function kmsKeyAt(
  { kmsKeys }: Pick<DistributionRecord, 'kmsKeys'>,
  version: number,
  region: string,
): KmsKeyEntry | undefined {
  return kmsKeys.find(isAt({ version, region }))
}

/** Returns the entry if the KMS key exists, as far as the record shows. */
export function createdKmsKeyAt(
  record: Pick<DistributionRecord, 'kmsKeys'>,
  version: number,
  region: string,
): CreatedKmsKey | undefined {
  const entry = kmsKeyAt(record, version, region)
  return entry?.state === 'created' ? entry : undefined
}

/** The Region of the primary of one version: its replicas are created from it. */
export function primaryRegion(
  { regions, primaryRegions = {} }: Pick<DistributionRecord, 'regions' | 'primaryRegions'>,
  version: number,
): string {
  return primaryRegions[version] ?? regions[0] ?? ''
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
 * Returns the entry of a created KMS key, which must be on record. @throws KeymgmtError
 * STORE_CORRUPT
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

/**
 * Returns the record with this entry, which replaces an earlier one of the same version and Region.
 */
export function putKmsKey(record: DistributionRecord, entry: KmsKeyEntry): DistributionRecord {
  const others = record.kmsKeys.filter((other) => !isAt(entry)(other))
  const place = ({ region }: KmsKeyPlace) => record.regions.indexOf(region)
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
  return { ...record, kmsKeys: record.kmsKeys.filter((entry) => !isAt(place)(entry)) }
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
