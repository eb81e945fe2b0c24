export { createLocalStore, type LocalStoreOptions } from './local.js'
export { locate, type Location } from './locate.js'
export { createMemoryStore } from './memory.js'
export { createOverlayStore } from './overlay.js'
export {
  openSealedLocalStore,
  type CreatedStore,
  type OpenedStore,
  type SealedLocalStoreOptions,
  type SealStatus,
} from './sealed-local.js'
export type { StoredText, StorePlace } from './place.js'
export type { SealName, SealKind } from './seals/index.js'
export type { HeaderOpener, SealAttempt } from './seals/open.js'
export type { NewSeal, SealingKmsKey, SealMeans } from './seals/seal.js'
export type { StoreSeals } from './seals/store-seals.js'
export { createSealedStore, type BeginWrite } from './sealed.js'
export type { Leases, Lock, Revision, Store, StoredRecord, Versioning } from './store.js'
