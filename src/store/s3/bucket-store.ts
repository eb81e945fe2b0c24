import { randomUUID } from 'node:crypto'
import { NAME_PATTERN } from '../../names.js'
import { conflict } from '../conflict.js'
import { segmentsOf } from '../path.js'
import type { Store } from '../store.js'
import type { S3Address } from './address.js'
import { openBucket, type Bucket, type BucketOptions } from './bucket.js'
import {
  LEASE_TIMES,
  LEASES,
  takeLease,
  type Lease,
  type LeaseOptions,
  type LeaseTimes,
} from './lease.js'
import { createObjects } from './objects.js'

/** The options of a store on S3. */
export interface S3StoreOptions extends BucketOptions {
  readonly address: S3Address
  /** The longest wait for a lock, in milliseconds. The default is none: the signal ends it. */
  readonly lockWaitMs?: number | undefined
  /** The times of its locks. */
  readonly leaseTimes?: LeaseTimes | undefined
  /** The command that uses the store, for others that wait for its locks. */
  readonly command?: string | undefined
}

/** The form of an ETag, and so of every revision of this store. */
const ETAG = /^"[^"]+"$/

const NAME = new RegExp(`^${NAME_PATTERN}$`)

/**
 * Creates a store with one object for each record, below `records/`. A revision is an ETag, and S3
 * itself compares it. Locks are leases, below `leases/`.
 */
export function createS3Store(options: S3StoreOptions): Store {
  return createStoreIn(openBucket(options.address, options), options)
}

/** Creates the store of {@link createS3Store} in an open bucket. */
export function createStoreIn(bucket: Bucket, options: Omit<S3StoreOptions, 'address'>): Store {
  const objects = createObjects(bucket)
  const leases = new Set<Lease>()
  const keyOf = (path: string) => `records/${segmentsOf(path).join('/')}`
  return {
    async id() {
      const created = Buffer.from(randomUUID())
      const found = await objects.get('id')
      if (found) return Buffer.from(found.value).toString()
      if (await objects.put('id', created, undefined)) return created.toString()
      return Buffer.from((await objects.get('id'))?.value ?? []).toString()
    },
    async get(path) {
      const found = await objects.get(await checked(keyOf, path))
      return found && { revision: found.etag, value: found.value }
    },
    async put(path, value, expected) {
      const key = await checked(keyOf, path)
      if (expected !== undefined && !ETAG.test(expected)) throw conflict(path)
      const etag = await objects.put(key, value, expected)
      if (etag === undefined) throw conflict(path)
      return etag
    },
    async list(path) {
      const names = await bucket.list(await checked(keyOf, path))
      return [...new Set(names.filter((name) => NAME.test(name)))].sort()
    },
    async delete(path, expected) {
      const key = await checked(keyOf, path)
      if (!ETAG.test(expected) || !(await objects.delete(key, expected))) throw conflict(path)
    },
    async lock(name, purpose) {
      const key = `${LEASES}/${(await checked(segmentsOf, name)).join('/')}`
      const lease = await takeLease(bucket, key, purpose, leaseOptions(options))
      leases.add(lease)
      return {
        isHeld: () => lease.isHeld(),
        release() {
          leases.delete(lease)
          return lease.release()
        },
      }
    },
    leases: {
      async outlast(ms) {
        await Promise.all([...leases].map((lease) => lease.outlast(ms)))
      },
    },
  }
}

/** The options for acquiring a lease of the store. */
export function leaseOptions({
  signal,
  onWait,
  lockWaitMs = Infinity,
  leaseTimes = LEASE_TIMES,
  command,
}: Omit<S3StoreOptions, 'address'>): LeaseOptions {
  return { signal, waitMs: lockWaitMs, times: leaseTimes, command, onWait }
}

/** Makes the error of an invalid path a rejection. */
async function checked<T>(check: (path: string) => T, path: string): Promise<T> {
  await Promise.resolve()
  return check(path)
}
