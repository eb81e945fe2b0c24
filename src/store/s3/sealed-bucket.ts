import {
  formatSealHeader,
  parseSealHeader,
  type RootKey,
  type SealHeader,
} from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import { otherStoreError, unfinishedError } from '../restoring.js'
import { statusOf, type OpenedStore } from '../sealed-local.js'
import type { SealedS3StoreOptions } from '../sealed-s3.js'
import { createSealedStore } from '../sealed.js'
import { createHeader } from '../seals/create.js'
import { createHeaderOpener } from '../seals/open.js'
import {
  headerConflict,
  sealMethods,
  storeExistsError,
  type StoreSeals,
} from '../seals/store-seals.js'
import type { Store } from '../store.js'
import { openBucket, type Bucket } from './bucket.js'
import { testConditions } from './self-test.js'
import { createStoreIn } from './bucket-store.js'

/** The object with the store's header. It is not sealed: the header is what opens the store. */
const HEADER = 'seal.json'

/** Exists while a snapshot is restored. */
const RESTORING = 'restore-unfinished'

/** The header of the store, with the ETag of its object. */
interface FoundHeader {
  readonly etag: string
  readonly header: SealHeader
}

/** Returns the sealed store at an address. Nothing is read yet. */
export function openSealedBucket(options: SealedS3StoreOptions): OpenedStore {
  const bucket = openBucket(options.address, options)
  const opener = createHeaderOpener(options)
  let restores = false
  let found: Promise<FoundHeader | undefined> | undefined
  /** Reads the header once, while it exists. */
  const header = async () => {
    found ??= readHeader(bucket, restores)
    const result = await found.catch((error: unknown) => {
      found = undefined
      throw error
    })
    if (!result) found = undefined
    return result
  }
  const assertExists = async () => {
    if (!(await header()) && !restores) throw missingError(bucket.url)
  }
  const records = alongside(createStoreIn(bucket, options), assertExists)
  const unlock = async (): Promise<RootKey | undefined> => {
    await assertExists()
    const current = await header()
    return current && opener.open(current.header)
  }
  return {
    store: createSealedStore(records, unlock),
    async seal() {
      const current = await header()
      const path = bucket.url
      return current ? statusOf(path, current.header, options.keyfileOf) : { seals: [], path }
    },
    seals: createBucketSeals(bucket, header, sealMethods(options, opener), {
      allow: () => {
        restores = true
        found = undefined
      },
      changed: () => {
        found = undefined
      },
    }),
    initialize: () => initialize(bucket, options),
    testBackend: () => testConditions(bucket),
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

async function readHeader(bucket: Bucket, restores: boolean): Promise<FoundHeader | undefined> {
  const [found, mark] = await Promise.all([bucket.get(HEADER), bucket.get(RESTORING)])
  if (mark && !restores) throw unfinishedError(bucket.url)
  return found && { etag: found.etag, header: parseSealHeader(Buffer.from(found.body).toString()) }
}

function missingError(url: string): KeymgmtError {
  return new KeymgmtError('STORE_UNAVAILABLE', `there is no store in ${url}`, {
    hints: [
      'check KEYMGMT_STORE and the setting store',
      'to create a store there: keymgmt operator init',
    ],
  })
}

/**
 * Tests the server, and creates the store. Of several commands that create it at once, one
 * succeeds.
 */
async function initialize(bucket: Bucket, options: SealedS3StoreOptions) {
  if (await bucket.get(HEADER)) throw storeExistsError(bucket.url)
  if ((await bucket.list('records')).length > 0)
    throw new KeymgmtError(
      'STORE_SEALED',
      `the store ${bucket.url} has records but no root key: ${HEADER} is missing`,
      { hints: ['restore an earlier version of the object; nothing was changed'] },
    )
  await testConditions(bucket)
  const { header, createdKeyfile, discard } = await createHeader(options, options.createSeals)
  if (!(await putHeader(bucket, header, undefined))) {
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

/** Returns false if another command was faster. */
async function putHeader(
  bucket: Bucket,
  header: SealHeader,
  expected: string | undefined,
): Promise<boolean> {
  const text = formatSealHeader(header)
  const { etag, isAmbiguous } = await bucket.put(HEADER, Buffer.from(text), expected)
  if (etag !== undefined || !isAmbiguous) return etag !== undefined
  return Buffer.from((await bucket.get(HEADER))?.body ?? []).toString() === text
}

/** The seals of a store on S3, as `StoreSeals` describes them. */
function createBucketSeals(
  bucket: Bucket,
  header: () => Promise<FoundHeader | undefined>,
  methods: ReturnType<typeof sealMethods>,
  { allow, changed }: { readonly allow: () => void; readonly changed: () => void },
): StoreSeals {
  return {
    ...methods,
    header: async () => (await header())?.header,
    async replace(expected, wanted) {
      const found = await bucket.get(HEADER)
      const text = Buffer.from(found?.body ?? []).toString()
      const isSame = (other: SealHeader) => text === formatSealHeader(other)
      if (found && isSame(wanted)) return
      const isUnchanged = found && isSame(expected)
      if (!isUnchanged || !(await putHeader(bucket, wanted, found.etag)))
        throw headerConflict(bucket.url)
      changed()
    },
    async restoring(wanted, restore) {
      allow()
      const current = await header()
      const isOther = current?.header.store_id !== wanted.store_id
      if (isOther && (await bucket.list('records')).length > 0)
        throw otherStoreError(bucket.url, wanted)
      const result = await restore(async () => {
        await bucket.put(RESTORING, Buffer.from(`${wanted.store_id}\n`), undefined)
        if (isOther && !(await putHeader(bucket, wanted, current?.etag)))
          throw storeExistsError(bucket.url)
        changed()
      })
      const mark = await bucket.get(RESTORING)
      if (mark) await bucket.delete(RESTORING, mark.etag)
      return result
    },
  }
}
