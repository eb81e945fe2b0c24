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

/** An account of the KMS. */
export interface KmsAccount {
  /** Id of the AWS account, 12 digits. */
  readonly account: string
  /** AWS partition, such as `aws`. */
  readonly partition: string
}

/** The address of a KMS. */
export interface KmsEndpoint {
  /** Such as `https://kms.us-west-1.amazonaws.com`. */
  readonly origin: string
  /** True for an address on this machine, such as that of an embedded KMS. */
  readonly isLoopback: boolean
  /** True for an endpoint of AWS's own. */
  readonly isAws: boolean
}

/** The caller, as the KMS's identity service names it. */
export interface KmsIdentity extends KmsAccount {
  /** Such as `arn:aws:iam::111122223333:user/operator`. */
  readonly arn: string
}

/** PURE: the account in an ARN of AWS KMS; undefined if it contains none. */
export function accountIn(arn: string): KmsAccount | undefined {
  const [, partition = '', , , account = ''] = arn.split(':')
  return /^\d{12}$/.test(account) ? { account, partition } : undefined
}

/** PURE: the Region in an ARN of AWS KMS; undefined for an id. */
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
  /** For a person who finds it in the provider's console. */
  readonly description: string
  /** Put on the KMS key in the same call that makes it. */
  readonly tags: Readonly<Record<string, string>>
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

/** The KMS's description of one of its keys. */
export interface KmsKeyStatus {
  /** Id and ARN of the KMS key. */
  readonly key: KmsKey
  /** State of the KMS key. */
  readonly state: KmsKeyState
  /** When it is going to be deleted, if that is scheduled and has a date. */
  readonly deletionDate: Date | undefined
  /** When its material is going to be deleted by itself. */
  readonly expires: Date | undefined
  /** The KMS's name for the material in it, where it has one. */
  readonly materialId: string | undefined
  /** Of a multi-Region key, the Region of its primary and all of its Regions. */
  readonly multiRegion:
    { readonly primary: string; readonly regions: readonly string[] } | undefined
  /** True if it takes imported material. */
  readonly external: boolean
  /** Its type and purpose in our words; undefined if we have none for it. */
  readonly kind: { readonly type: KeyTypeName; readonly purpose: readonly Purpose[] } | undefined
}

/** The KMS's reply to an import. */
export interface ImportedMaterial {
  /** The KMS's name for the material in this KMS key, where it has one. */
  readonly materialId?: string | undefined
}

/** The owner of an alias to move. */
export interface AliasOwner {
  /** The ids of the KMS keys that it may be moved away from. */
  readonly keys: ReadonlySet<string>
  /**
   * True if it is known to be ours, whatever it names now; `unknown` if its creation was begun
   * before and no reply is on record.
   */
  readonly exists: boolean | 'unknown'
}

/**
 * A key management service, as one configured destination. Every call except
 * {@link KmsProvider.create} may be repeated: if AWS is in the requested state already, it succeeds
 * without a change. A call resolves when the service has confirmed the change, and waits for the
 * service's eventual consistency.
 *
 * Every method may throw KeymgmtError KMS_ACCESS_DENIED, KMS_CREDENTIALS, KMS_UNREACHABLE,
 * KMS_LIMIT, KMS_TIMEOUT, KMS_KEY_NOT_FOUND, KMS_FAILED, INTERRUPTED; the message names the call,
 * the Region and what it was about.
 */
export interface KmsProvider {
  /** The Region that new KMS keys are made in. */
  readonly region: string

  /** The origin of the endpoint, and if it is on this machine; no request is sent for it. */
  endpoint(): Promise<KmsEndpoint>

  /** The account that requests go to; undefined if it can't be read. */
  account(): Promise<KmsAccount | undefined>

  /** The caller. AWS needs no permission for it. */
  identity(): Promise<KmsIdentity>

  /**
   * Makes one empty KMS key. Sent at most once.
   * @throws KeymgmtError KMS_AMBIGUOUS when it is unknown whether the KMS key was made.
   */
  create(request: KmsKeyRequest): Promise<KmsKey>

  /**
   * The KMS keys of the provider's own Region that carry one of these operation ids, by operation
   * id. One that is not seen yet is waited for until what was requested at `since`, the end of the
   * last attempt, must be visible.
   */
  findByOperation(operationIds: ReadonlySet<string>, since: Date): Promise<Map<string, KmsKey>>

  /** The KMS keys of a Region whose tag `name` has this value. */
  findTagged(region: string, name: string, value: string): Promise<TaggedKmsKeys>

  /**
   * Creates the related, still empty KMS key in another Region. If it exists, this returns it.
   * `key` is the primary; its ARN names its Region.
   * @throws KeymgmtError KMS_AMBIGUOUS if it is unknown whether it was created; that is unknown
   * after KMS_TIMEOUT and INTERRUPTED too. After any other error, it was not created.
   */
  replicate(key: KmsKey, toRegion: string, request: KmsKeyRequest): Promise<KmsKey>

  /** Waits until the replica in `region` takes material. */
  awaitReplica(region: string, key: KmsKey): Promise<void>

  /**
   * The replica of the primary `key` that was last requested at `since`, if it exists. If its
   * Region can't be reached, the Region of the primary is asked which replicas it has.
   */
  findReplica(key: KmsKey, region: string, since: Date): Promise<KmsKey | undefined>

  /**
   * Puts the material into the KMS key and leaves it usable: until `validTo`, or for ever. The
   * provider does not keep `material`.
   */
  importMaterial(
    region: string,
    key: KmsKey,
    type: KeyTypeName,
    material: Uint8Array,
    validTo?: Date,
  ): Promise<ImportedMaterial>

  /**
   * True if the KMS key has exactly this material; undefined if AWS can't show that without a
   * change.
   */
  holds(
    region: string,
    key: KmsKey,
    type: KeyTypeName,
    material: Uint8Array,
  ): Promise<boolean | undefined>

  /**
   * Asks the KMS key to take this material, which it does only if it has had it before. It is
   * changed only if it had none, and expires at `validTo`, or never.
   * @returns undefined if it is refused.
   */
  accepts(
    region: string,
    key: KmsKey,
    type: KeyTypeName,
    material: Uint8Array,
    validTo?: Date,
  ): Promise<ImportedMaterial | undefined>

  /** Deletes the material of this id, or the current one, from the KMS key, which stays. */
  deleteMaterial(region: string, key: KmsKey, materialId?: string): Promise<void>

  /**
   * The KMS key as the KMS describes it; undefined if it has none of that id. One that is not on
   * record yet is named by its id or its ARN.
   */
  inspect(region: string, key: KmsKey | string): Promise<KmsKeyStatus | undefined>
  /** Returns the tags of a KMS key. */
  tagsOf(region: string, key: KmsKey): Promise<Readonly<Record<string, string>>>
  /** Adds tags to a KMS key, or changes them. */
  tag(region: string, key: KmsKey, tags: Readonly<Record<string, string>>): Promise<void>

  /** The id of the KMS key that each alias of the Region names that is in `names`. */
  aliasTargets(region: string, names: ReadonlySet<string>): Promise<ReadonlyMap<string, string>>

  /**
   * Makes `alias` name the KMS key: creates it, or moves it.
   * @throws KeymgmtError KMS_FAILED when the alias names a KMS key that is not its owner's; it is
   * left alone.
   */
  pointAlias(region: string, alias: string, key: KmsKey, owner: AliasOwner): Promise<void>
  /** Deletes an alias. */
  removeAlias(region: string, alias: string): Promise<void>

  /** Enables a KMS key. */
  enable(region: string, key: KmsKey): Promise<void>
  /** Disables a KMS key. */
  disable(region: string, key: KmsKey): Promise<void>

  /**
   * Schedules the KMS key for deletion after `days` days. Returns the date.
   * @throws KeymgmtError KMS_KEY_NOT_FOUND when it has been deleted.
   */
  scheduleDeletion(region: string, key: KmsKey, days: number): Promise<Date | undefined>

  /**
   * Takes a scheduled deletion back, which leaves the KMS key disabled.
   * @throws KeymgmtError KMS_KEY_NOT_FOUND when it has been deleted.
   */
  cancelDeletion(region: string, key: KmsKey): Promise<void>
}

/** Settings of one provider, as they are stored. */
export interface KmsSettings {
  /** The name of the provider, for errors. */
  readonly name?: string
  /** AWS Region. */
  readonly region: string
  /** Credentials by name. */
  readonly credentials: Readonly<Record<string, string>>
}

/** One kind of KMS (`provider=awskms`). */
export interface KmsKind {
  /**
   * Checks, without any call, that keys of this type can be distributed to the Region for this
   * purpose and protection.
   * @throws KeymgmtError UNSUPPORTED_BY_KMS, saying what can be had instead.
   */
  assertSupported(
    type: KeyTypeName,
    purpose: readonly Purpose[],
    protection: Protection,
    region: string,
  ): Promise<void>
  /**
   * Checks, without any call, that the Regions in `field` exist, and that a key can be in all of
   * them. With `allowUnknown`, a Region may also be one that this version does not know.
   * @throws KeymgmtError FIELD_INVALID, with the Region that was probably meant.
   */
  assertRegions(field: string, regions: readonly string[], allowUnknown: boolean): Promise<void>
  /**
   * Refuses credentials that cannot be right, without any call.
   * @throws KeymgmtError FIELD_INVALID, KMS_ENDPOINT_REFUSED.
   */
  assertCredentials(credentials: KmsSettings['credentials']): Promise<void>
  /** Opens a provider; the first request is made by the provider's own methods. */
  open(settings: KmsSettings): Promise<KmsProvider>
}
