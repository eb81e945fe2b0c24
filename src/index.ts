export { createEngine, type Engine } from './core/engine.js'
export { distribute, replicate, type DistributionRequest } from './core/operations/distribute.js'
export { readDistribution, readKey, readProvider } from './core/records/repository.js'
export { adopt, type Adoption } from './core/operations/adopt.js'
export {
  importKey,
  importVersion,
  type Imported,
  type ImportSettings,
  type OwnMaterial,
} from './core/operations/import.js'
export { deleteKey, rotateKey, saveKey, type KeyChange } from './core/operations/keys.js'
export { deleteProvider, saveProvider, type ProviderChange } from './core/operations/providers.js'
export {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
  type ScheduledDeletion,
} from './core/operations/remove.js'
export { repairDistribution, type Repair } from './core/operations/repair.js'
export { verifyDistribution, type Difference, type Verification } from './core/operations/verify.js'
export type { DistributionRecord, KeyRecord, KmsRecord } from './core/records/model.js'
export { KEY_TYPE_NAMES, type KeyTypeName } from './crypto/key-types.js'
export { startDevKms, type DevKms, type DevKmsOptions } from './dev-kms/index.js'
export { KeymgmtError, type ErrorCode } from './errors.js'
export { awsKms } from './kms/aws/index.js'
export type { AwsOptions } from './kms/aws/provider.js'
export type { KmsKind, KmsProvider } from './kms/provider.js'
export { PATHS } from './paths/index.js'
export { createRouter, type Resolved, type Router } from './router/router.js'
export {
  createLocalStore,
  createMemoryStore,
  createSealedStore,
  openSealedLocalStore,
  type Store,
} from './store/index.js'
