import type { KeyTypeName } from '../crypto/key-types.js'
import { KeymgmtError } from '../errors.js'
import type { KmsKey, Protection, Purpose } from '../kms/provider.js'

/** One version of a key: when it was made and, for asymmetric types, its public key (SPKI PEM). */
export interface KeyVersion {
  readonly creation_time: string
  readonly public_key?: string
}

/** A key. Its material is kept apart, one record a version, so that reading a key never opens any. */
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

/** What we know of the KMS key of one version in one Region. Each field is written before, or as soon as, it is so. */
export interface CopyRecord {
  /** Written before CreateKey is sent. With no `key` beside it, the KMS key may exist or not. */
  readonly operation_id: string
  readonly key?: KmsKey
  readonly imported: boolean
  readonly enabled: boolean
  /** When AWS deletes it, once that is scheduled. */
  readonly deletion_date?: string
  readonly deletion_scheduled?: boolean
}

/** One key in one KMS provider. */
export interface DistributionRecord {
  /** `<key>-<unix_timestamp>`; the alias is `alias/hashicorp/` and this. */
  readonly name: string
  readonly key_id: string
  readonly distribution_time: string
  readonly purpose: readonly Purpose[]
  readonly protection: Protection
  /** The Regions it is to be in, the provider's own first. */
  readonly regions: readonly string[]
  readonly state: 'active' | 'removing' | 'removed'
  /** By version, then Region. */
  readonly copies: Readonly<Record<string, Readonly<Record<string, CopyRecord>>>>
  /** The version that the alias names, by Region; 0 while its creation may or may not have happened. */
  readonly aliases: Readonly<Record<string, number>>
}

/** The paths of the store. */
export const recordPath = {
  keys: 'key',
  key: (name: string) => `key/${name}`,
  material: (keyId: string, version: number) => `material/${keyId}/${version}`,
  providers: 'kms',
  provider: (name: string) => `kms/${name}`,
  distributions: 'distribution',
  distributionsOf: (kms: string) => `distribution/${kms}`,
  distribution: (kms: string, key: string) => `distribution/${kms}/${key}`,
  retired: (kms: string, name: string) => `retired/${kms}/${name}`,
} as const

/** Bytes of a record; the reverse is {@link decodeRecord}. */
export function encodeRecord(record: object): Uint8Array {
  return Buffer.from(JSON.stringify(record))
}

/**
 * The record in `bytes`. The seal has proven that they are what this tool wrote, so only what a newer version of it
 * may have written is checked here.
 * @throws KeymgmtError STORE_CORRUPT
 */
export function decodeRecord(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    throw new KeymgmtError('STORE_CORRUPT', `the record ${path} is not what keymgmt writes`)
  }
}
