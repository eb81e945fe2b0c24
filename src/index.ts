export { createEngine, type Engine } from './core/engine.js'
export { distribute, replicate, type DistributionRequest } from './core/distribution.js'
export { readDistribution, readKey, readProvider } from './core/lookup.js'
export { adopt, type Adoption } from './core/adopt.js'
export {
  importKey,
  importVersion,
  type Imported,
  type ImportSettings,
  type OwnMaterial,
} from './core/import.js'
export { deleteKey, rotateKey, saveKey, type KeyChange } from './core/keys.js'
export { deleteProvider, saveProvider, type ProviderChange } from './core/providers.js'
export {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
  type ScheduledDeletion,
} from './core/removal.js'
export { repairDistribution, type Repair } from './core/repair.js'
export { verifyDistribution, type Difference, type Verification } from './core/verify.js'
export type { DistributionRecord, KeyRecord, KmsRecord } from './core/records.js'
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
  openHome,
  type Store,
} from './store/index.js'
