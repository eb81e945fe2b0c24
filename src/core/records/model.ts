import type { KeyTypeName } from '../../crypto/key-types.js'
import type { KmsAccount, KmsEndpoint, KmsKey, Protection, Purpose } from '../../kms/provider.js'

/** The material of one version: a fingerprint of what the store has, or a mark that it has none. */
export type VersionMaterial =
  { readonly state: 'stored'; readonly fingerprint: string } | { readonly state: 'not-in-store' }

/** One version of a key; asymmetric types have a public key (SPKI PEM). */
export interface KeyVersion {
  /** Time of creation, in RFC 3339. */
  readonly creationTime: string
  /** The public key of an asymmetric key, as SPKI in PEM. */
  readonly publicKey?: string
  /** The material of the version. */
  readonly material: VersionMaterial
}

/** A key. Its material has records of its own, so that reading a key never opens any. */
export interface KeyRecord {
  /** Distinguishes this key from a later one of the same name. */
  readonly id: string
  /** Name of the key. */
  readonly name: string
  /** The key type. */
  readonly type: KeyTypeName
  /** AWS Regions for replicas. */
  readonly replicaRegions: readonly string[]
  /** True if the key may be deleted. */
  readonly deletionAllowed: boolean
  /** 0 and 1 both mean that every version is enabled. */
  readonly minEnabledVersion: number
  /** The latest version that is in use. */
  readonly latestVersion: number
  /** A version that is stored and that no distribution has yet: always `latestVersion + 1`. */
  readonly pendingVersion?: number
  /** The versions, by number from 1. */
  readonly versions: Readonly<Record<string, KeyVersion>>
  /** The distributions that were forgotten: their KMS keys depend on the material of this key. */
  readonly forgotten?: readonly ForgottenDistribution[]
}

/** A configured KMS provider. */
export interface KmsRecord {
  /** Name of the provider. */
  readonly name: string
  /** The kind of KMS. */
  readonly provider: string
  /** AWS Region. */
  readonly keyCollection: string
  /** Credentials by name. They are sealed, and never appear in output. */
  readonly credentials: Readonly<Record<string, string>>
}

/** The version and Region that a KMS key is for. */
export interface KmsKeyPlace {
  /** Version of the key, from 1. */
  readonly version: number
  /** AWS Region. */
  readonly region: string
}

/** One material in a KMS key. */
export interface MaterialEntry {
  /** The version of the key whose material it is. */
  readonly version: number
  /** Fingerprint of the material in the store. */
  readonly fingerprint: string
  /** AWS's id of the material in this KMS key, where AWS has one. */
  readonly materialId?: string
  /**
   * True if the KMS key has the material, and AWS proved that where it can. Also false until AWS
   * has replied to the import.
   */
  readonly imported: boolean
  /** Present if the material expires in this KMS key, as it did when it was adopted. */
  readonly validTo?: string
}

/** A KMS key that AWS was asked to create. Until a response is on record it may exist or not. */
export interface CreatingKmsKey extends KmsKeyPlace {
  /** Marks an entry whose KMS key may exist. */
  readonly state: 'creating'
  /** Written before CreateKey is sent; the KMS key carries it as a tag. */
  readonly operationId: string
  /** Time of the record, in RFC 3339. */
  readonly begun: string
}

/** A KMS key that exists as far as is known. Each field is written as soon as it is so. */
export interface CreatedKmsKey extends KmsKeyPlace {
  /** Marks an entry whose KMS key exists. */
  readonly state: 'created'
  /** Id and ARN of the KMS key. */
  readonly key: KmsKey
  /** Absent if it was adopted. */
  readonly operationId?: string
  /** The materials that were imported. */
  readonly materials: readonly MaterialEntry[]
  /** Absent while it is not known. */
  readonly enabled?: boolean
  /** True if its tags are known to be lost. */
  readonly untagged?: boolean
  /** Present while its deletion is scheduled; the date is absent until AWS has named one. */
  readonly deletion?: { readonly date?: string }
}

/**
 * A KMS key that AWS no longer has. Nothing is done to it, and nothing waits for it; `verify`,
 * `repair` and `restore` look if it is there again.
 */
export type LostKmsKey = Omit<CreatedKmsKey, 'state' | 'deletion' | 'enabled'> & {
  readonly state: 'lost'
}

/** The KMS key of one version in one Region. */
export type KmsKeyEntry = CreatingKmsKey | CreatedKmsKey | LostKmsKey

/** An alias in one Region. */
export type AliasEntry = { readonly region: string; readonly name: string } & AliasState

/**
 * - `pending`: AWS was or will be asked to create it; until then an alias of that name may be
 *   somebody else's;
 * - `set`: it is ours and names the KMS key of `version`;
 * - `moved`: it is ours and names some other KMS key.
 */
export type AliasState =
  | { readonly state: 'pending' }
  | { readonly state: 'set'; readonly version: number }
  | { readonly state: 'moved' }

/**
 * The desired state of a distribution: usable; there, but without material; or scheduled for
 * deletion in AWS.
 */
export type DistributionState = 'active' | 'revoked' | 'removed'

/** An account at a KMS. */
export interface PinnedPlace extends KmsAccount {
  /** The endpoint at which the account was seen. */
  readonly endpoint: KmsEndpoint
}

/**
 * One key in one KMS provider: its desired state, and what has been done. Where the two differ
 * there is work to do.
 */
export interface DistributionRecord {
  /** `<key>-<unix_timestamp>`; the alias is `alias/hashicorp/` and this. */
  readonly name: string
  /** Id of the key, which is unique among all keys of the store. */
  readonly keyId: string
  /** Time of the first distribution, in RFC 3339. */
  readonly distributionTime: string
  /** The purposes of the KMS keys. */
  readonly purpose: readonly Purpose[]
  /** The protection of the KMS keys. */
  readonly protection: Protection
  /** The desired Regions, the provider's own first. */
  readonly regions: readonly string[]
  /** Replica Regions of the key that the user does not want here. */
  readonly droppedRegions?: readonly string[]
  /** The desired state. */
  readonly state: DistributionState
  /** The place that the first KMS key was created in; no other gets material. */
  readonly pinned?: PinnedPlace
  /** True if each version has an alias of its own too. */
  readonly versionAliases?: boolean
  /** The reason why it lacks a version, since when; absent if no command has failed there. */
  readonly behind?: { readonly since: string; readonly reason: string }
  /** Days that a removal waits. */
  readonly deletionWindow?: number
  /** Sorted by version, then in the order of `regions`. */
  readonly kmsKeys: readonly KmsKeyEntry[]
  /** The aliases, one for each name and Region. */
  readonly aliases: readonly AliasEntry[]
}

/** The last record of a distribution that was forgotten. AWS may still have its KMS keys. */
export type ForgottenDistribution = Pick<DistributionRecord, 'name' | 'kmsKeys' | 'aliases'> & {
  readonly provider: string
}

/** The paths of the store. */
export const recordPath = {
  keys: 'key',
  key: (name: string) => `key/${name}`,
  materials: 'material',
  materialOf: (keyId: string) => `material/${keyId}`,
  material: (keyId: string, name: string) => `material/${keyId}/${name}`,
  fingerprintKey: 'fingerprint-key',
  providers: 'kms',
  provider: (name: string) => `kms/${name}`,
  distributions: 'distribution',
  distributionsOf: (providerName: string) => `distribution/${providerName}`,
  distribution: (providerName: string, key: string) => `distribution/${providerName}/${key}`,
  /** Removed distributions, until AWS has deleted their KMS keys. */
  archive: 'archive',
  archiveOf: (providerName: string) => `archive/${providerName}`,
  archived: (providerName: string, name: string) => `archive/${providerName}/${name}`,
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
