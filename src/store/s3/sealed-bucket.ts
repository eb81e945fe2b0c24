import { formatSealHeader, type RootKey } from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import type { StorePlace } from '../place.js'
import { createStoreSeals } from '../restoring.js'
import { statusOf, type OpenedStore } from '../sealed-local.js'
import type { SealedS3StoreOptions } from '../sealed-s3.js'
import { createSealedStore } from '../sealed.js'
import { createHeader } from '../seals/create.js'
import { createHeaderOpener } from '../seals/open.js'
import { storeExistsError } from '../seals/store-seals.js'
import { stateError } from '../state.js'
import type { Store } from '../store.js'
import { createBucketPlace, HEADER } from './bucket-place.js'
import { createStanding, readStanding } from './standing.js'
import { openBucket, type Bucket } from './bucket.js'
import { testConditions } from './self-test.js'

/** Returns the sealed store at an address. Nothing is read yet. */
export function openSealedBucket(options: SealedS3StoreOptions): OpenedStore {
  const bucket = openBucket(options.address, options)
  const place = createBucketPlace(bucket, options)
  const opener = createHeaderOpener(options)
  const standing = createStanding(place, options.onMoved)
  const unlock = async (to: 'read' | 'write' | 'again'): Promise<RootKey | undefined> => {
    if (to === 'again') standing.changed()
    await standing.assertExists()
    const current = await standing.header()
    return current && opener.open(current)
  }
  return {
    store: createSealedStore(
      standing.locking(alongside(place.records, standing.assertExists)),
      unlock,
      standing.beginWrite,
    ),
    async seal() {
      const current = await standing.header()
      const path = bucket.url
      return current ? statusOf(path, current, options.keyfileOf) : { seals: [], kmsKeys: [], path }
    },
    seals: createStoreSeals({ place, means: options, opener, ...standing }),
    place: () => Promise.resolve(place),
    initialize: () => initialize(place, bucket, options),
    testBackend: () => testConditions(bucket),
    versioning: () => bucket.versioning(),
  }
}

/** Looks for the header at the same time as for a record: both together take one round trip. */
function alongside(store: Store, assertExists: () => Promise<void>): Store {
  const both = async <T>(result: Promise<T>): Promise<T> => {
    const [value] = await Promise.all([result, assertExists()])
    return value
  }
  return {
    ...store,
    get: (path) => both(store.get(path)),
    list: (path) => both(store.list(path)),
    async lock(name, purpose) {
      await assertExists()
      return store.lock(name, purpose)
    },
  }
}

/**
 * Tests the server, and creates the store. Of several commands that create it at once, one
 * succeeds.
 */
async function initialize(place: StorePlace, bucket: Bucket, options: SealedS3StoreOptions) {
  const { header: existing, state } = await readStanding(place)
  if (state) throw stateError(bucket.url, state)
  if (existing) throw storeExistsError(bucket.url)
  if (await place.holdsRecords())
    throw new KeymgmtError(
      'STORE_SEALED',
      `the store ${bucket.url} has records but no root key: ${HEADER} is missing`,
      { hints: ['restore an earlier version of the object; nothing was changed'] },
    )
  await testConditions(bucket)
  const { header, createdKeyfile, discard } = await createHeader(options, options.createSeals)
  if (!(await place.header.replace(formatSealHeader(header), undefined))) {
    discard()
    throw storeExistsError(bucket.url)
  }
  const created = {
    ...statusOf(bucket.url, header, options.keyfileOf),
    isKeyfileNew: createdKeyfile !== undefined,
  }
  options.onCreated?.(created)
  return created
}
