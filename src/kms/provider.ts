import type { KeyTypeName } from '../crypto/key-types.js'
import type {
  ImportedMaterial,
  ImportKind,
  KeyPolicy,
  KmsKey,
  KmsKeyRequest,
  KmsKeySettings,
  KmsKeyStatus,
  KmsLastUse,
  KmsMaterial,
  Protection,
  Purpose,
  Replica,
  TaggedKmsKeys,
} from './kms-key.js'

/** An account of the KMS. */
export interface KmsAccount {
  /** Id of the AWS account, 12 digits. */
  readonly account: string
  /** AWS partition, such as `aws`. */
  readonly partition: string
}

/** The address of a KMS. */
export interface KmsEndpoint {
  /** For example `https://kms.us-west-1.amazonaws.com`. */
  readonly origin: string
  /** True for an address on this machine, such as an embedded KMS. */
  readonly isLoopback: boolean
  /** True for an endpoint of AWS's own. */
  readonly isAws: boolean
}

/** The caller, as the identity service of the KMS (AWS: STS) names it. */
export interface KmsIdentity extends KmsAccount {
  /** For example `arn:aws:iam::111122223333:user/operator`. */
  readonly arn: string
}

/** PURE: returns the account in an ARN of AWS KMS; undefined if it contains none. */
export function accountIn(arn: string): KmsAccount | undefined {
  const [, partition = '', , , account = ''] = arn.split(':')
  return /^\d{12}$/.test(account) ? { account, partition } : undefined
}

/** Proof that an alias may be moved. */
export interface AliasOwner {
  /** The ids of the KMS keys from which the alias may be moved. */
  readonly keys: ReadonlySet<string>
  /**
   * True if the alias is on record as ours, even if it now points elsewhere; `unknown` if its
   * creation has no reply on record.
   */
  readonly exists: boolean | 'unknown'
}

/**
 * A key management service, as one configured destination. Every call except
 * {@link KmsProvider.create} can be repeated: if the KMS is already in the requested state, the
 * call succeeds without a change. A call resolves when the service has confirmed the change, and
 * waits for the service's eventual consistency.
 *
 * Every method may throw KeymgmtError KMS_ACCESS_DENIED, KMS_CREDENTIALS, KMS_UNREACHABLE,
 * KMS_LIMIT, KMS_TIMEOUT, KMS_KEY_NOT_FOUND, KMS_FAILED, INTERRUPTED; the message names the call,
 * the Region and the subject.
 */
export interface KmsProvider {
  /** The Region in which KMS keys are created. */
  readonly region: string

  /** Returns the endpoint. Sends no request. */
  endpoint(): Promise<KmsEndpoint>

  /** Returns the account to which requests go; undefined if it can't be read. */
  account(): Promise<KmsAccount | undefined>

  /** Returns the caller. AWS requires no permission for this. */
  identity(): Promise<KmsIdentity>

  /**
   * Creates one KMS key without material. Sends the request at most once.
   * @throws KeymgmtError KMS_AMBIGUOUS if the reply was lost, so that the KMS key may or may not
   * exist.
   */
  create(request: KmsKeyRequest): Promise<KmsKey>

  /**
   * Returns the KMS keys in the provider's own Region that have one of these operation ids as a
   * tag, by operation id. Waits for missing ones until a KMS key that was requested at `since`, the
   * end of the last attempt, must be visible.
   */
  findByOperation(operationIds: ReadonlySet<string>, since: Date): Promise<Map<string, KmsKey>>

  /** Returns the KMS keys of a Region whose tag `name` has this value. */
  findTagged(region: string, name: string, value: string): Promise<TaggedKmsKeys>

  /**
   * Creates the replica, without material, in another Region. Returns an existing replica
   * unchanged. `key` is the primary; its ARN names its Region.
   * @throws KeymgmtError KMS_AMBIGUOUS if the reply was lost. After this error, KMS_TIMEOUT or
   * INTERRUPTED, the replica may or may not exist. After any other error, it does not exist.
   */
  replicate(key: KmsKey, toRegion: string, request: KmsKeyRequest): Promise<Replica>

  /**
   * Waits until the replica in `region` exists and is no longer being created. Returns its state: a
   * replica that existed already may be disabled or scheduled for deletion.
   */
  awaitReplica(region: string, key: KmsKey): Promise<KmsKeyStatus>

  /**
   * Returns the replica of the primary `key` that was last requested at `since`; undefined if it
   * does not exist. If its Region can't be reached, reads the list of replicas in the primary's
   * Region.
   */
  findReplica(key: KmsKey, region: string, since: Date): Promise<KmsKey | undefined>

  /**
   * Makes the replica in the Region `to` the primary of the multi-Region key, whose primary is in
   * `region`. Waits until the KMS has done so. Both KMS keys must be enabled.
   * @throws KeymgmtError KMS_FAILED if the primary is in neither Region.
   */
  movePrimary(region: string, key: KmsKey, to: string): Promise<void>

  /**
   * Imports the material into the KMS key, which is then usable until `validTo`, or without an
   * expiry. Does not keep `material`. An import of new material can't be repeated: after the first,
   * the KMS key has the material, and accepts no other until it is rotated.
   */
  importMaterial(
    region: string,
    key: KmsKey,
    type: KeyTypeName,
    material: Uint8Array,
    validTo?: Date,
    as?: ImportKind,
  ): Promise<ImportedMaterial>

  /** Returns the materials of a symmetric KMS key, oldest first. */
  materials(region: string, key: KmsKey): Promise<readonly KmsMaterial[]>

  /**
   * Makes the pending material of a primary current, and waits until the KMS has done so. Does
   * nothing if none is pending. Returns the materials after that.
   */
  rotate(region: string, key: KmsKey): Promise<readonly KmsMaterial[]>

  /**
   * True if the KMS key has exactly this material; undefined if AWS can't prove that without a
   * change.
   */
  holds(
    region: string,
    key: KmsKey,
    type: KeyTypeName,
    material: Uint8Array,
  ): Promise<boolean | undefined>

  /**
   * Imports this material again, which the KMS key accepts only if it has had the material before.
   * Changes the KMS key only if it has no material. The material expires at `validTo`, or never.
   * @returns undefined if the KMS key refuses the material.
   */
  accepts(
    region: string,
    key: KmsKey,
    type: KeyTypeName,
    material: Uint8Array,
    validTo?: Date,
  ): Promise<ImportedMaterial | undefined>

  /**
   * Deletes the material with this id, or the current material, from the KMS key. The KMS key
   * stays.
   */
  deleteMaterial(region: string, key: KmsKey, materialId?: string): Promise<void>

  /**
   * Returns the observed state of a KMS key; undefined if the KMS has no such key. A string is an
   * id or an ARN.
   */
  inspect(region: string, key: KmsKey | string): Promise<KmsKeyStatus | undefined>
  /** Returns the last use of a KMS key in this Region. Each Region has its own. */
  lastUse(region: string, key: KmsKey): Promise<KmsLastUse>
  /** Returns the tags of a KMS key, without those that the KMS itself sets (AWS: `aws:…`). */
  tagsOf(region: string, key: KmsKey): Promise<Readonly<Record<string, string>>>
  /** Adds tags to a KMS key, or changes them. */
  tag(region: string, key: KmsKey, tags: Readonly<Record<string, string>>): Promise<void>
  /** Removes the tags of these names from a KMS key. */
  untag(region: string, key: KmsKey, names: readonly string[]): Promise<void>
  /** Changes the description of a KMS key. An empty text removes it. */
  setDescription(region: string, key: KmsKey, description: string): Promise<void>

  /**
   * Refuses a key policy after which the root of the account could not change it any more, unless
   * it allows that. `account` is the account of the KMS keys, if it is known. A dry run does not
   * ask for it, and refuses nothing then.
   * @throws KeymgmtError FIELD_INVALID, also if the account can't be read.
   */
  assertPolicy(policy: KeyPolicy, account: KmsAccount | undefined): Promise<void>
  /** True if the KMS key has this key policy, in any form. */
  hasPolicy(region: string, key: KmsKey, policy: KeyPolicy): Promise<boolean>
  /**
   * Changes the key policy of a KMS key.
   * @throws KeymgmtError KMS_FAILED if the KMS refuses it.
   */
  putPolicy(region: string, key: KmsKey, policy: KeyPolicy): Promise<void>

  /** Returns the id of the KMS key that each alias in `names` points to in the Region. */
  aliasTargets(region: string, names: ReadonlySet<string>): Promise<ReadonlyMap<string, string>>

  /**
   * Points `alias` to the KMS key: creates the alias, or moves it.
   * @throws KeymgmtError KMS_FAILED if the alias points to a KMS key that is not in `owner.keys`.
   * The alias is not changed.
   */
  pointAlias(region: string, alias: string, key: KmsKey, owner: AliasOwner): Promise<void>
  /** Deletes an alias. */
  removeAlias(region: string, alias: string): Promise<void>

  /** Enables a KMS key. */
  enable(region: string, key: KmsKey): Promise<void>
  /** Disables a KMS key. */
  disable(region: string, key: KmsKey): Promise<void>

  /**
   * Schedules the KMS key for deletion in `days` days. Returns the date; undefined if a primary
   * waits for its replicas.
   * @throws KeymgmtError KMS_KEY_NOT_FOUND when it has been deleted.
   */
  scheduleDeletion(region: string, key: KmsKey, days: number): Promise<Date | undefined>

  /**
   * Cancels a scheduled deletion. The KMS key is then disabled.
   * @throws KeymgmtError KMS_KEY_NOT_FOUND when it has been deleted.
   */
  cancelDeletion(region: string, key: KmsKey): Promise<void>
}

/** The stored settings of one provider. */
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
   * Checks, without a request, that keys of this type can be distributed to the Region for this
   * purpose and protection.
   * @throws KeymgmtError UNSUPPORTED_BY_KMS, with the supported choices.
   */
  assertSupported(
    type: KeyTypeName,
    purpose: readonly Purpose[],
    protection: Protection,
    region: string,
  ): Promise<void>
  /**
   * Checks, without a request, that KMS keys of this type can be rotated in place.
   * @throws KeymgmtError UNSUPPORTED_BY_KMS
   */
  assertRotatable(type: KeyTypeName): Promise<void>
  /**
   * Checks, without a request, that the Regions in `field` exist, and that one key can be in all of
   * them. `allowUnknown` accepts a Region that this version does not know.
   * @throws KeymgmtError FIELD_INVALID, with a similar Region as a suggestion.
   */
  assertRegions(field: string, regions: readonly string[], allowUnknown: boolean): Promise<void>
  /**
   * Refuses invalid credentials, without a request.
   * @throws KeymgmtError FIELD_INVALID, KMS_ENDPOINT_REFUSED.
   */
  assertCredentials(credentials: KmsSettings['credentials']): Promise<void>
  /**
   * Checks, without a request, that KMS keys can have these settings.
   * @throws KeymgmtError FIELD_INVALID, which names the field.
   */
  assertSettings(settings: KmsKeySettings): Promise<void>
  /** Opens a provider. Sends no request. */
  open(settings: KmsSettings): Promise<KmsProvider>
}
