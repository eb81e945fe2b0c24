import type { KeyTypeName } from '../../crypto/key-types.js'
import type { KmsKey, KmsKeySettings, Protection, Purpose } from '../../kms/kms-key.js'
import type { KmsAccount, KmsEndpoint } from '../../kms/provider.js'
import type { KeySetting } from './key-settings.js'

/** The material of one version: its fingerprint, or a mark that this store does not have it. */
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

/** A key. Its material is in separate records, so that reading a key never opens material. */
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
  /**
   * Lower versions are trimmed: they have no separate KMS key. Absent or 0: no version is trimmed.
   */
  readonly minAvailableVersion?: number
  /** The latest version in use. */
  readonly latestVersion: number
  /** Age in seconds at which the newest version is due for a rotation. Absent or 0: never. */
  readonly rotationPeriod?: number
  /** A stored version that no distribution has yet: always `latestVersion + 1`. */
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
  /** Fingerprint of the material in the store; absent if the store does not have it. */
  readonly fingerprint?: string
  /** AWS's id of the material in this KMS key, if AWS has assigned one. */
  readonly materialId?: string
  /**
   * True if AWS has confirmed the import and, where AWS can prove it, the KMS key was shown to have
   * the material.
   */
  readonly imported: boolean
  /** Time at which the material expires in this KMS key, in RFC 3339; absent for never. */
  readonly validTo?: string
  /**
   * Present from before new material is imported until the reply is on record. The description of
   * the material in AWS contains it, so that keymgmt finds the material after a lost reply.
   */
  readonly operationId?: string
  /**
   * True until the KMS key is rotated to the material. Until then, the material does not encrypt.
   */
  readonly pending?: true
  /** True until it is imported again, because a renewal changed its expiry. */
  readonly stale?: true
}

/**
 * The expiry of imported material: a number of seconds after each import, or one fixed time in RFC
 * 3339.
 */
export type Expiry = { readonly ttl: number } | { readonly validTo: string }

/** A KMS key whose creation was requested. Until a reply is on record, it may or may not exist. */
export interface CreatingKmsKey extends KmsKeyPlace {
  /** Marks an entry whose KMS key may exist. */
  readonly state: 'creating'
  /** Written before CreateKey is sent; the KMS key carries it as a tag. */
  readonly operationId: string
  /** Time of the record, in RFC 3339. */
  readonly begun: string
  /** The account and endpoint that the request goes to, if the account could be read. */
  readonly place?: PinnedPlace
}

/**
 * A KMS key that exists, as far as the record shows. Each field is written as soon as it is known.
 */
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
  /** The settings whose values may differ from the distribution's. */
  readonly staleSettings?: readonly KeySetting[]
  /** The rotations of the KMS key that AWS counted when keymgmt last looked. */
  readonly rotations?: number
  /** Present while its deletion is scheduled; the date is absent until AWS has named one. */
  readonly deletion?: { readonly date?: string }
}

/**
 * A KMS key that AWS no longer has. No step changes it, and nothing waits for it. `verify`,
 * `repair` and `restore` check if AWS shows it again.
 */
export type LostKmsKey = Omit<CreatedKmsKey, 'state' | 'deletion' | 'enabled'> & {
  readonly state: 'lost'
}

/**
 * The KMS key of one version in one Region. In a distribution with rotation in place, the KMS key
 * of all versions, with the number of the oldest.
 */
export type KmsKeyEntry = CreatingKmsKey | CreatedKmsKey | LostKmsKey

/** An alias in one Region. */
export type AliasEntry = { readonly region: string; readonly name: string } & AliasState

/**
 * - `pending`: its creation is about to be requested or has no reply on record. An alias of that
 *   name may belong to somebody else;
 * - `set`: it is ours and points to the KMS key of `version`;
 * - `uncertain`: it was ours, and may be gone; then somebody else can have an alias of that name;
 * - `moved`: it is ours and points to another KMS key.
 */
export type AliasState =
  | { readonly state: 'pending' }
  | { readonly state: 'set'; readonly version: number }
  | { readonly state: 'uncertain' }
  | { readonly state: 'moved' }

/**
 * The desired state of a distribution: usable (`active`), without material (`revoked`), or
 * scheduled for deletion in AWS (`removed`).
 */
export type DistributionState = 'active' | 'revoked' | 'removed'

/**
 * The kinds of rotation. With `alias`, each new version gets a new KMS key, and the alias moves to
 * it. With `in_place`, the same KMS key gets new current material.
 */
export const ROTATIONS = ['alias', 'in_place'] as const
/** A kind of rotation. */
export type Rotation = (typeof ROTATIONS)[number]

/** The rotations in place in the life of a KMS key. AWS does not raise this quota. */
export const MAX_ROTATIONS = 25

/** An AWS account, and the endpoint at which it was seen. */
export interface PinnedPlace extends KmsAccount {
  /** The endpoint. */
  readonly endpoint: KmsEndpoint
}

/**
 * One key in one KMS provider: its desired state, and the recorded state of its KMS keys and
 * aliases. Every difference between the two is work that remains. A setting of its KMS keys that is
 * absent is not managed: keymgmt neither compares nor changes it.
 */
export interface DistributionRecord extends KmsKeySettings {
  /** `<key>-<unix_timestamp>`. The alias is `alias/hashicorp/` followed by this name. */
  readonly name: string
  /** Id of the key, which is unique among all keys of the store. */
  readonly keyId: string
  /** Time of the first distribution, in RFC 3339. */
  readonly distributionTime: string
  /** The purposes of the KMS keys. */
  readonly purpose: readonly Purpose[]
  /** The protection of the KMS keys. */
  readonly protection: Protection
  /** The kind of rotation, which never changes; absent for `alias`. */
  readonly rotation?: Exclude<Rotation, 'alias'>
  /** The desired Regions, the provider's own first. */
  readonly regions: readonly string[]
  /** Replica Regions of the key that the user dropped from this distribution. */
  readonly droppedRegions?: readonly string[]
  /**
   * The Region that the user chose for all primaries, one of `regions`. Absent if the user chose
   * none: each primary stays where it is.
   */
  readonly primaryRegion?: string
  /** The versions whose primary stays where somebody else moved it after that choice. */
  readonly acceptedPrimaries?: readonly number[]
  /**
   * By version, the Region of each primary that is not in the provider's Region. A KMS key there is
   * on record.
   */
  readonly primaryRegions?: Readonly<Record<string, string>>
  /** The desired state. */
  readonly state: DistributionState
  /** The account and endpoint of the first KMS key. No other place gets material. */
  readonly pinned?: PinnedPlace
  /** True if each version also has its own alias. */
  readonly versionAliases?: boolean
  /** An additional alias of the latest version, whose name the user chose. */
  readonly customAlias?: string
  /**
   * The expiry of all material that is imported. Absent if it never expires. Adopted material keeps
   * the expiry that it had even so.
   */
  readonly expiry?: Expiry
  /**
   * The reason why it lacks a version, and since when (RFC 3339); absent if no command has failed
   * there.
   */
  readonly behind?: { readonly since: string; readonly reason: string }
  /** Days until AWS deletes a KMS key of the distribution, if the command does not say. */
  readonly deletionWindow?: number
  /** The same for the KMS keys of a removed distribution, if the removal said. */
  readonly removalWindow?: number
  /**
   * Primaries whose creation a stopped process began, and may still request after it lost its lock.
   * Each command looks for them, until a day has passed.
   */
  readonly abandoned?: readonly CreatingKmsKey[]
  /**
   * Time of the last change to `kmsKeys` or `aliases` that a command made, in RFC 3339; absent in a
   * record that an older version wrote.
   */
  readonly observedAt?: string
  /** Sorted by version, then in the order of `regions`. */
  readonly kmsKeys: readonly KmsKeyEntry[]
  /** The aliases, one for each name and Region. */
  readonly aliases: readonly AliasEntry[]
}

/** The last recorded state of a forgotten distribution. AWS may still have its KMS keys. */
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

/** Returns a record without some of its fields. */
export function without<R extends object, Name extends keyof R>(
  record: R,
  ...names: readonly Name[]
): Omit<R, Name> {
  return Object.fromEntries(
    Object.entries(record).filter(([name]) => !names.includes(name as Name)),
  ) as Omit<R, Name>
}
