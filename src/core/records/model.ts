import type { KeyTypeName } from '../../crypto/key-types.js'
import { KeymgmtError } from '../../errors.js'
import type { KmsKey, Protection, Purpose } from '../../kms/provider.js'

/** One version of a key: when it was made and, for asymmetric types, its public key (SPKI PEM). */
export interface KeyVersion {
  readonly creation_time: string
  readonly public_key?: string
}

/**
 * A key. Its material is kept apart, one record a version, so that reading a key never opens any.
 */
export interface KeyRecord {
  /** Tells this key from a later one of the same name. */
  readonly id: string
  readonly name: string
  readonly type: KeyTypeName
  readonly replica_regions: readonly string[]
  readonly deletion_allowed: boolean
  /** 0 and 1 both mean that every version is enabled. */
  readonly min_enabled_version: number
  readonly latest_version: number
  /** A version whose rotation has begun and is not everywhere yet: always `latest_version + 1`. */
  readonly pending_version?: number
  readonly versions: Readonly<Record<string, KeyVersion>>
}

/** A configured KMS provider. */
export interface KmsRecord {
  readonly name: string
  readonly provider: string
  readonly key_collection: string
  readonly credentials: Readonly<Record<string, string>>
}

/**
 * What we know of the KMS key of one version in one Region. Each field is written before, or as
 * soon as, it is so.
 */
export interface CopyRecord {
  /** Written before CreateKey is sent. With no `key` beside it, the KMS key may exist or not. */
  readonly operation_id: string
  /** When the making of it was begun. */
  readonly begun: string
  readonly key?: KmsKey
  /** Whether our material is in it, and was seen to be ours where the KMS can show that. */
  readonly imported: boolean
  /** AWS's name for the material in this KMS key, where it has one. */
  readonly material_id?: string
  /** Absent while it is not known. */
  readonly enabled?: boolean
  /** Whether its tags are known to be lost. */
  readonly untagged?: boolean
  readonly deletion_scheduled?: boolean
  /** When AWS deletes it, as far as AWS has said. */
  readonly deletion_date?: string
}

/** What we know of an alias. */
export interface AliasRecord {
  /** The version whose KMS key it names; 0 while that is not known. */
  readonly version: number
  /** Whether it was ours at some time. Until then an alias of that name may be somebody else's. */
  readonly ours: boolean
}

/**
 * What is wanted of a distribution: usable; there, but without material; or on its way out of AWS.
 */
export type DistributionState = 'active' | 'revoked' | 'removed'

/**
 * One key in one KMS provider: what is wanted, and what has been done of it. Where the two differ
 * there is work to do.
 */
export interface DistributionRecord {
  /** `<key>-<unix_timestamp>`; the alias is `alias/hashicorp/` and this. */
  readonly name: string
  readonly key_id: string
  readonly distribution_time: string
  readonly purpose: readonly Purpose[]
  readonly protection: Protection
  /** The Regions it is to be in, the provider's own first. */
  readonly regions: readonly string[]
  readonly state: DistributionState
  /** Whether each version has an alias of its own as well. */
  readonly version_aliases?: boolean
  /** Days that a removal waits. */
  readonly deletion_window?: number
  /** By version, then Region. */
  readonly copies: Readonly<Record<string, Readonly<Record<string, CopyRecord>>>>
  /** By Region, then name. */
  readonly aliases: Readonly<Record<string, Readonly<Record<string, AliasRecord>>>>
}

/** The paths of the store. */
export const recordPath = {
  keys: 'key',
  key: (name: string) => `key/${name}`,
  materialOf: (key: string) => `material/${key}`,
  /** Material that no key record tells of was never given to anybody. */
  material: (key: string, version: number) => `material/${key}/${version}`,
  providers: 'kms',
  provider: (name: string) => `kms/${name}`,
  distributions: 'distribution',
  distributionsOf: (kms: string) => `distribution/${kms}`,
  distribution: (kms: string, key: string) => `distribution/${kms}/${key}`,
  /** Removed distributions, until AWS has deleted their KMS keys. */
  archived: 'archived',
  archivedOf: (kms: string) => `archived/${kms}`,
  archivedDistribution: (kms: string, name: string) => `archived/${kms}/${name}`,
} as const

/** A record without some of its fields. */
export function without<R extends object, Name extends keyof R>(
  record: R,
  ...names: readonly Name[]
): Omit<R, Name> {
  return Object.fromEntries(
    Object.entries(record).filter(([name]) => !names.includes(name as Name)),
  ) as Omit<R, Name>
}

/** Bytes of a record; the reverse is {@link decodeRecord}. */
export function encodeRecord(record: object): Uint8Array {
  return Buffer.from(JSON.stringify(record))
}

/**
 * The record in `bytes`. The seal has proven that they are what this tool wrote, so only what a
 * newer version of it may have written is checked here.
 * @throws KeymgmtError STORE_CORRUPT
 */
export function decodeRecord(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    throw new KeymgmtError('STORE_CORRUPT', `the record ${path} is not what keymgmt writes`)
  }
}
