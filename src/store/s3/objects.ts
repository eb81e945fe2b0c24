import { randomBytes } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import type { Bucket } from './bucket.js'

/*
 * An object of the store: the format (1 byte), the id of the write that produced it (16 bytes), and
 * the value. The ETag of an object follows its content, so with the id every write has a new one.
 */
const FORMAT = 1
const HEADER_LENGTH = 17

/** A value in the bucket, and the ETag of its object. */
export interface Entry {
  readonly etag: string
  readonly value: Uint8Array
}

/** The objects of a store, each changed by compare-and-set. */
export interface Objects {
  /** Returns the value; undefined if there is none. */
  get(key: string): Promise<Entry | undefined>
  /** Writes the value, and returns the ETag; undefined if the object has another one. */
  put(key: string, value: Uint8Array, expected: string | undefined): Promise<string | undefined>
  /** Deletes the object, and returns true; false if it has another ETag or does not exist. */
  delete(key: string, expected: string): Promise<boolean>
}

/**
 * The objects in `bucket`. A write whose reply was lost is not mistaken for a conflict, unless
 * somebody else has replaced its object meanwhile.
 */
export function createObjects(bucket: Bucket): Objects {
  const read = async (key: string) => {
    const found = await bucket.get(key)
    if (!found) return undefined
    assertFormat(bucket.url, key, found.body)
    return {
      etag: found.etag,
      writeId: Buffer.from(found.body.subarray(1, HEADER_LENGTH)),
      value: Buffer.from(found.body.subarray(HEADER_LENGTH)),
    }
  }
  return {
    async get(key) {
      const found = await read(key)
      return found && { etag: found.etag, value: found.value }
    },
    async put(key, value, expected) {
      const writeId = randomBytes(16)
      const body = Buffer.concat([Buffer.of(FORMAT), writeId, value])
      const { etag, isAmbiguous } = await bucket.put(key, body, expected)
      if (etag !== undefined || !isAmbiguous) return etag
      // The attempt whose reply was lost may have succeeded, so that the next one was refused.
      const found = await read(key)
      return found?.writeId.equals(writeId) ? found.etag : undefined
    },
    async delete(key, expected) {
      // Deleting an object that does not exist can succeed.
      if ((await bucket.get(key))?.etag !== expected) return false
      const { etag, isAmbiguous } = await bucket.delete(key, expected)
      if (etag !== undefined || !isAmbiguous) return etag !== undefined
      return (await bucket.get(key)) === undefined
    },
  }
}

/** @throws KeymgmtError STORE_VERSION, STORE_CORRUPT */
function assertFormat(url: string, key: string, body: Uint8Array): void {
  const [format] = body
  if (format === FORMAT && body.length >= HEADER_LENGTH) return
  if (format !== undefined && format > FORMAT)
    throw new KeymgmtError(
      'STORE_VERSION',
      `a newer keymgmt wrote the object ${key} of ${url} (format ${format}; this one reads format ${FORMAT})`,
      { hints: ['use the version of keymgmt that wrote it; nothing was changed'] },
    )
  throw new KeymgmtError('STORE_CORRUPT', `the object ${key} of ${url} is damaged`, {
    hints: ['restore it from an earlier version of the object; nothing was changed'],
  })
}
