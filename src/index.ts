export { createEngine, type Engine, type Outcome, type OutcomeState } from './core/engine.js'
export { adopt, type Adoption } from './core/operations/adopt.js'
export { listBehind, type BehindDistribution } from './core/operations/list-behind.js'
export {
  listDue,
  rotateDue,
  type DueKey,
  type DueKeys,
  type RotatedKey,
} from './core/operations/due.js'
export {
  readDetailedStatus,
  type DetailedStatus,
  type DistributionStatus,
  type KeyStatus,
} from './core/operations/detailed-status.js'
export {
  listExpiring,
  renewExpiring,
  type ExpiringKmsKey,
  type ExpiringKmsKeys,
  type Renewable,
} from './core/operations/expiring.js'
export type { ItemResult } from './core/operations/one-by-one.js'
export type { UncheckedRecord } from './core/records/unchecked-record.js'
export { dropRegion } from './core/operations/drop-region.js'
export { setPrimary } from './core/operations/primary.js'
export { distribute, replicate, type DistributionRequest } from './core/operations/distribute.js'
export {
  importKey,
  importVersion,
  type Imported,
  type ImportSettings,
  type OwnMaterial,
} from './core/operations/import.js'
export { forgetDistribution } from './core/operations/forget.js'
export { deleteKey, saveKey, type KeyChange } from './core/operations/keys.js'
export { deleteProvider, saveProvider, type ProviderChange } from './core/operations/providers.js'
export {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
  type ScheduledDeletion,
} from './core/operations/remove.js'
export type { KmsKeyUse } from './core/operations/last-use.js'
export { findOrphans, type Orphan, type OrphanSearch } from './core/operations/orphans.js'
export { repairDistribution, type Repair, type RepairOptions } from './core/operations/repair.js'
export { renewDistribution } from './core/operations/renew.js'
export { trimKey, type Trim } from './core/operations/trim.js'
export { rotateKey } from './core/operations/rotate.js'
export {
  readStatus,
  type BaseCredentials,
  type CredentialsSource,
  type StoreStatus,
} from './core/operations/status.js'
export type { RemovedDistribution } from './core/records/removed.js'
export {
  verifyDistribution,
  verifyProvider,
  type Difference,
  type Observation,
  type NewerTarget,
  type ObservedKmsKey,
  type Unchecked,
  type ProviderVerification,
  type SkippedStep,
  type Verification,
} from './core/operations/verify.js'
export type { ExpiryRequest } from './core/records/expiry.js'
export type { KeySettingsRequest } from './core/operations/key-settings.js'
export type { SettingDifference } from './core/reconcile/compare-settings.js'
export type { KeySetting } from './core/records/key-settings.js'
export type {
  AliasEntry,
  AliasState,
  CreatedKmsKey,
  CreatingKmsKey,
  DistributionRecord,
  DistributionState,
  Expiry,
  ForgottenDistribution,
  KeyRecord,
  KeyVersion,
  KmsKeyEntry,
  KmsKeyPlace,
  KmsRecord,
  LostKmsKey,
  MaterialEntry,
  PinnedPlace,
  Rotation,
  VersionMaterial,
} from './core/records/model.js'
export { readDistribution, readKey, readProvider } from './core/records/repository.js'
export type { MaterialFormat } from './crypto/import/material.js'
export { KEY_TYPE_NAMES, type KeyTypeName } from './crypto/key-types.js'
export type { RootKey, SealEntry, SealHeader } from './crypto/root-key.js'
export type { Fault, FaultKind } from './dev-kms/faults.js'
export {
  copyAccount,
  startDevKms,
  type Account,
  type DevKms,
  type DevKmsOptions,
  type DevKmsRequest,
} from './dev-kms/index.js'
export type { Limits } from './dev-kms/quotas.js'
export { KeymgmtError, type ErrorCode, type ErrorDetails } from './errors.js'
export { awsKms } from './kms/aws/index.js'
export type { AwsMiddleware, AwsOutput, AwsRequest } from './kms/aws/middleware.js'
export type { AwsInput, AwsOperation } from './kms/aws/operations.js'
export type { AwsOptions } from './kms/aws/provider.js'
export type { RetryOptions } from './kms/aws/retry.js'
export type { ClientOptions } from './aws/endpoint.js'
export type { KmsKindName, KmsKinds } from './kms/index.js'
export type {
  ImportedMaterial,
  ImportKind,
  KeyPolicy,
  KmsKey,
  KmsKeyRequest,
  KmsKeySettings,
  KmsKeyState,
  KmsKeyStatus,
  KmsLastUse,
  KmsMaterial,
  Protection,
  Purpose,
  Replica,
  TaggedKmsKey,
  TaggedKmsKeys,
} from './kms/kms-key.js'
export type {
  AliasOwner,
  KmsAccount,
  KmsEndpoint,
  KmsIdentity,
  KmsKind,
  KmsProvider,
  KmsSettings,
} from './kms/provider.js'
export { openEngine, type EngineOptions, type OpenedEngine } from './open-engine.js'
export { PATHS } from './paths/index.js'
export type { Field, Fields } from './router/fields.js'
export type {
  Created,
  Operation,
  OperationDefinition,
  PathDefinition,
  Response,
} from './router/path.js'
export { createRouter, type RequestData, type Resolved, type Router } from './router/router.js'
export type { Json, RawObject, RawValue } from './router/values.js'
export {
  createLocalStore,
  createMemoryStore,
  createSealedStore,
  openSealedLocalStore,
  type BeginWrite,
  type CreatedStore,
  type HeaderOpener,
  type Leases,
  type LocalStoreOptions,
  type Lock,
  type NewSeal,
  type OpenedStore,
  type Revision,
  type SealAttempt,
  type SealedLocalStoreOptions,
  type SealingKmsKey,
  type SealKind,
  type SealMeans,
  type SealName,
  type SealStatus,
  type Store,
  type StoredRecord,
  type StoredText,
  type StorePlace,
  type StoreSeals,
  type Versioning,
} from './store/index.js'
export type { LocationSettings } from './store/locate.js'
export type { Migration } from './store/migrate.js'
