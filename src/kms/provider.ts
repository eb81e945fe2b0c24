import type { KeyTypeName } from '../crypto/key-types.js'

/** What a distributed key may be used for, in Vault's words and one of ours (`derive`). */
export const PURPOSES = ['encrypt', 'decrypt', 'sign', 'verify', 'derive'] as const
export type Purpose = (typeof PURPOSES)[number]

/** How a distributed key is protected, in Vault's words. */
export const PROTECTIONS = ['hsm', 'software'] as const
export type Protection = (typeof PROTECTIONS)[number]

/** A KMS key of a provider. */
export interface KmsKey {
  /** The id within its Region. */
  readonly id: string
  /** The globally unique name (AWS: the ARN). */
  readonly arn: string
}

/** What a KMS key is to be made as. */
export interface KmsKeyRequest {
  readonly type: KeyTypeName
  readonly purpose: readonly Purpose[]
  readonly multiRegion: boolean
  /** For a person who finds it in the provider's console. */
  readonly description: string
  /** Put on the KMS key in the same call that makes it. */
  readonly tags: Readonly<Record<string, string>>
}

/** The tag that holds the operation id by which a KMS key is found again when the answer to its making was lost. */
export const OPERATION_TAG = 'keymgmt:operation'

/**
 * A key management service, as one configured destination. Every call but {@link KmsProvider.create} may be repeated:
 * when what it asks for is so already, it returns as if it had just done it. A call resolves when the service has
 * confirmed it, and waits out the service's eventual consistency by itself.
 *
 * Every method may throw KeymgmtError KMS_ACCESS_DENIED, KMS_CREDENTIALS, KMS_UNREACHABLE, KMS_LIMIT, KMS_TIMEOUT,
 * KMS_FAILED, INTERRUPTED; the message names the call, the Region and what it was about.
 */
export interface KmsProvider {
  /** The Region that new KMS keys are made in. */
  readonly region: string

  /**
   * Makes one empty KMS key. Sent at most once.
   * @throws KeymgmtError KMS_AMBIGUOUS when it is unknown whether the KMS key was made.
   */
  create(request: KmsKeyRequest): Promise<KmsKey>

  /** The KMS keys of `region` that carry one of these operation ids, by operation id. */
  findByOperation(region: string, operationIds: ReadonlySet<string>): Promise<Map<string, KmsKey>>

  /** Puts the material into the KMS key, for ever, and leaves it usable. The provider does not keep `material`. */
  importMaterial(region: string, key: KmsKey, type: KeyTypeName, material: Uint8Array): Promise<void>

  /** Makes the related, still empty KMS key in another Region and waits until it takes material. */
  replicate(key: KmsKey, toRegion: string, request: KmsKeyRequest): Promise<KmsKey>

  /**
   * Makes `alias` name the KMS key: creates it, or moves it from one of `ours` (ids of KMS keys).
   * @throws KeymgmtError KMS_FAILED when the alias names a KMS key that is not ours; it is left alone.
   */
  pointAlias(region: string, alias: string, key: KmsKey, ours: ReadonlySet<string>, exists: boolean): Promise<void>
  removeAlias(region: string, alias: string): Promise<void>

  enable(region: string, key: KmsKey): Promise<void>
  disable(region: string, key: KmsKey): Promise<void>

  /** Schedules the KMS key for deletion after `days` days; answers when that will be. */
  scheduleDeletion(region: string, key: KmsKey, days: number): Promise<Date | undefined>
}

/** Settings of one provider, as they are stored. */
export interface KmsSettings {
  readonly region: string
  readonly credentials: Readonly<Record<string, string>>
}

/** One kind of KMS (`provider=awskms`). */
export interface KmsKind {
  /**
   * Checks, without any call, that keys of this type can be distributed for this purpose and protection.
   * @throws KeymgmtError UNSUPPORTED_BY_KMS, saying what can be had instead.
   */
  assertSupported(type: KeyTypeName, purpose: readonly Purpose[], protection: Protection): void
  /**
   * Checks settings without any call.
   * @throws KeymgmtError FIELD_INVALID, KMS_ENDPOINT_REFUSED.
   */
  assertSettings(settings: KmsSettings): void
  /** Opens a provider; the first request is made by the provider's own methods. */
  open(settings: KmsSettings): Promise<KmsProvider>
}
