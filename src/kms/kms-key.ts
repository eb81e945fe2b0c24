import type { KeyTypeName } from '../crypto/key-types.js'

/** The purposes of a distributed key, in Vault's words, and `derive`. */
export const PURPOSES = ['encrypt', 'decrypt', 'sign', 'verify', 'derive'] as const
/** A purpose of a KMS key. */
export type Purpose = (typeof PURPOSES)[number]

/** The protection of a distributed key, in Vault's words. */
export const PROTECTIONS = ['hsm', 'software'] as const
/** The protection of a KMS key, in Vault's words. */
export type Protection = (typeof PROTECTIONS)[number]

/** A KMS key of a provider. */
export interface KmsKey {
  /** The id within its Region. */
  readonly id: string
  /** The globally unique name (AWS: the ARN). */
  readonly arn: string
}

/** The replica that a request created, or that existed before. */
export interface Replica {
  /** Id and ARN of the replica. */
  readonly key: KmsKey
  /** False if it existed before: its properties may then differ from the request. */
  readonly isNew: boolean
}

/** PURE: returns the Region in an ARN of AWS KMS; undefined for an id. */
export function regionIn(arnOrId: string): string | undefined {
  return arnOrId.startsWith('arn:') ? arnOrId.split(':')[3] : undefined
}

/** The properties of a KMS key to create. */
export interface KmsKeyRequest {
  /** The key type. */
  readonly type: KeyTypeName
  /** The purposes of the KMS key. */
  readonly purpose: readonly Purpose[]
  /** True for a multi-Region primary. */
  readonly multiRegion: boolean
  /** The description that the console of the KMS shows. */
  readonly description: string
  /** Tags, which the call that creates the KMS key sets. */
  readonly tags: Readonly<Record<string, string>>
  /** The key policy; undefined for the default of the KMS. */
  readonly policy?: KeyPolicy | undefined
}

/** A key policy: who may use a KMS key. */
export interface KeyPolicy {
  /** The policy, in JSON; empty for the default of the KMS. */
  readonly document: string
  /** True if nobody in the account needs to be able to change the policy later. */
  readonly allowLockout?: true
}

/** The settings of a KMS key that a user can choose. */
export interface KmsKeySettings {
  /** The description; empty for none. */
  readonly description?: string
  /** The user's tags, in addition to keymgmt's own. */
  readonly tags?: Readonly<Record<string, string>>
  /** The key policy. */
  readonly policy?: KeyPolicy
}

/**
 * The tag with the operation id. It finds a KMS key again if the reply to its creation was lost.
 */
export const OPERATION_TAG = 'keymgmt:operation'

/** The tag with the id of the store that a KMS key belongs to. */
export const STORE_TAG = 'keymgmt:store'

/** The tags of a KMS key that name its key, the id of that key, and the version. */
export const KEY_TAG = 'keymgmt:key'
export const KEY_ID_TAG = 'keymgmt:key-id'
export const VERSION_TAG = 'keymgmt:version'

/** The tag that marks every KMS key of keymgmt. */
export const MANAGED_TAG = 'managed-by'

/** The beginning of the names of all other tags of keymgmt. */
export const OWN_TAG_PREFIX = 'keymgmt:'

/** The number of tags that keymgmt gives each KMS key. */
export const OWN_TAGS = 6

/** A KMS key and its tags. */
export interface TaggedKmsKey {
  /** Id and ARN of the KMS key. */
  readonly key: KmsKey
  /** The tags, by name. */
  readonly tags: Readonly<Record<string, string>>
}

/** The result of a search by tag. */
export interface TaggedKmsKeys {
  /** The KMS keys with the tag. */
  readonly tagged: readonly TaggedKmsKey[]
  /** The number of KMS keys whose own policies hide their tags from the caller. */
  readonly hidden: number
}

/** The state of a KMS key. */
export type KmsKeyState =
  'enabled' | 'disabled' | 'pending-import' | 'pending-deletion' | 'creating' | 'unavailable'

/** The observed state of a KMS key. */
export interface KmsKeyStatus {
  /** Id and ARN of the KMS key. */
  readonly key: KmsKey
  /** State of the KMS key. */
  readonly state: KmsKeyState
  /** The deletion date, if the deletion is scheduled and has a date. */
  readonly deletionDate: Date | undefined
  /** The time at which its material expires; undefined for never. */
  readonly expires: Date | undefined
  /** The KMS's id of the current material; undefined if it has none. */
  readonly materialId: string | undefined
  /** The Region of the primary and all Regions of a multi-Region key; undefined for any other. */
  readonly multiRegion:
    { readonly primary: string; readonly regions: readonly string[] } | undefined
  /** The description that the console of the KMS shows; empty if it has none. */
  readonly description: string
  /** True if its material is imported (Origin EXTERNAL). */
  readonly external: boolean
  /** Its key type and purposes; undefined if keymgmt has no such type. */
  readonly kind: { readonly type: KeyTypeName; readonly purpose: readonly Purpose[] } | undefined
}

/** The KMS's reply to an import. */
export interface ImportedMaterial {
  /** The KMS's id of the material in this KMS key; undefined if it has none. */
  readonly materialId?: string | undefined
}

/**
 * The import of one material into a symmetric KMS key: as new material, or as material that it had.
 */
export type ImportKind =
  /** The KMS key must not have had it before. The description names it in the KMS. */
  | { readonly kind: 'new'; readonly description: string }
  /** The KMS key must have had it before, under this id if there is one. */
  | { readonly kind: 'existing'; readonly materialId: string | undefined }

/** One material of a symmetric KMS key: current, former, or pending rotation. */
export interface KmsMaterial {
  /** The KMS's id of the material in this KMS key. */
  readonly id: string
  /**
   * `current` encrypts, and `former` only decrypts. `pending` waits for the rotation, and
   * `incomplete` waits for its import in another Region before the rotation.
   */
  readonly state: 'current' | 'former' | 'pending' | 'incomplete'
  /** False if it was deleted or has expired, or was never imported in this Region. */
  readonly imported: boolean
  /** The description that came with the import. */
  readonly description: string | undefined
  /** The time at which it expires; undefined for never. */
  readonly expires: Date | undefined
  /**
   * Time of the rotation that made it current; undefined if none did. The KMS limits the number of
   * rotations.
   */
  readonly rotatedAt: Date | undefined
}

/** The last use of a KMS key for a cryptographic operation that the KMS has recorded. */
export interface KmsLastUse {
  /** The time and the operation; undefined if there was none since `trackedSince`. */
  readonly last: { readonly at: Date; readonly operation: string } | undefined
  /** The time since which the KMS records the uses of this KMS key. */
  readonly trackedSince: Date
  /** The time of its creation. */
  readonly created: Date
}
