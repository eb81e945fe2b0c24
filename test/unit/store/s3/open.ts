import { parseS3Url } from '../../../../src/store/s3/address.js'
import { openBucket, type Bucket } from '../../../../src/store/s3/bucket.js'
import type { LeaseTimes } from '../../../../src/store/s3/lease.js'
import { createS3Store } from '../../../../src/store/s3/bucket-store.js'
import type { Store } from '../../../../src/store/store.js'
import { S3_ENV, storeUrl, type S3Server } from '../../../support/s3-server.js'

interface Options {
  readonly signal?: AbortSignal
  readonly leaseTimes?: LeaseTimes
  readonly lockWaitMs?: number
  readonly onWait?: (message: string) => void
  readonly url?: string
}

function optionsOf(server: S3Server, { url = storeUrl(server), ...options }: Options) {
  const address = parseS3Url(url, 'KEYMGMT_STORE')
  return { address, env: S3_ENV, signal: new AbortController().signal, ...options }
}

/** Opens a store on the server. */
export function storeOn(server: S3Server, options: Options = {}): Store {
  return createS3Store(optionsOf(server, options))
}

/** Opens the bucket of such a store. */
export function bucketOn(server: S3Server, options: Options = {}): Bucket {
  const { address, ...rest } = optionsOf(server, options)
  return openBucket(address, rest)
}
