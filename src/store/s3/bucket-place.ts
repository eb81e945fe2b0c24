import type { StoredText, StorePlace } from '../place.js'
import { STATE_FILE } from '../state.js'
import { createStoreIn, leaseOptions, type S3StoreOptions } from './bucket-store.js'
import type { Bucket } from './bucket.js'
import { awaitLeases } from './lease.js'

/** The object with the store's header. It is not sealed: the header is what opens the store. */
export const HEADER = 'seal.json'

/** Returns the place of the store in a bucket. */
export function createBucketPlace(
  bucket: Bucket,
  options: Omit<S3StoreOptions, 'address'>,
): StorePlace {
  return {
    name: bucket.url,
    records: createStoreIn(bucket, options),
    header: createText(bucket, HEADER),
    state: createText(bucket, STATE_FILE),
    holdsRecords: async () => (await bucket.list('records')).length > 0,
    paths: () => bucket.listAll('records'),
    awaitLocks: (own) => awaitLeases(bucket, own, leaseOptions(options)),
  }
}

/** Each text is unique, so an equal text proves that this write was carried out. */
function createText(bucket: Bucket, key: string): StoredText {
  const read = async () => {
    const found = await bucket.get(key)
    return found && { etag: found.etag, text: Buffer.from(found.body).toString() }
  }
  return {
    read: async () => (await read())?.text,
    async replace(text, expected) {
      const current = await read()
      if (current?.text !== expected) return false
      if (text === undefined && current === undefined) return true
      const { etag, isAmbiguous } =
        text === undefined
          ? await bucket.delete(key, current?.etag ?? '')
          : await bucket.put(key, Buffer.from(text), current?.etag)
      if (etag !== undefined || !isAmbiguous) return etag !== undefined
      // The attempt whose reply was lost may have succeeded, so that the next one was refused.
      return (await read())?.text === text
    },
  }
}
