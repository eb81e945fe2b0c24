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
export type { StoreSeals } from './restoring.js'
export { createSealedStore, type BeginWrite } from './sealed.js'
export type { Lock, Revision, Store, StoredRecord, Versioning } from './store.js'
