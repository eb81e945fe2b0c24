import type { CreatedStore, OpenedStore } from './sealed-local.js'
import type { S3StoreOptions } from './s3/bucket-store.js'
import { createLazySeals } from './lazy-seals.js'
import type { SealName } from './seals/index.js'
import type { SealMeans } from './seals/seal.js'

/** Options of a sealed store on S3. */
export interface SealedS3StoreOptions extends S3StoreOptions, SealMeans {
  /** The seals of a new store. The default is a keyfile. */
  readonly createSeals?: readonly SealName[] | undefined
  /** Receives a description of the store after it was created. */
  readonly onCreated?: ((created: CreatedStore) => void) | undefined
  /** Receives a notice if the store that is read has moved to another place. */
  readonly onMoved?: ((notice: string) => void) | undefined
}

/**
 * Returns the sealed store at an address. Nothing is read, and the AWS SDK is not loaded, before
 * the store is first used. Only {@link OpenedStore.initialize} creates it.
 */
export function openSealedS3Store(options: SealedS3StoreOptions): OpenedStore {
  let opened: Promise<OpenedStore> | undefined
  const load = async () => {
    const { openSealedBucket } = await import('./s3/sealed-bucket.js')
    return openSealedBucket(options)
  }
  const use = () => (opened ??= load())
  const store = async () => (await use()).store
  return {
    store: {
      id: async () => (await store()).id(),
      get: async (path) => (await store()).get(path),
      put: async (...args) => (await store()).put(...args),
      list: async (path) => (await store()).list(path),
      delete: async (...args) => (await store()).delete(...args),
      lock: async (...args) => (await store()).lock(...args),
      leases: { outlast: async (ms) => (await store()).leases?.outlast(ms) },
    },
    seal: async () => (await use()).seal(),
    seals: createLazySeals(async () => (await use()).seals),
    place: async () => (await use()).place(),
    initialize: async () => (await use()).initialize(),
    testBackend: async () => (await use()).testBackend(),
    versioning: async () => (await use()).versioning(),
  }
}
