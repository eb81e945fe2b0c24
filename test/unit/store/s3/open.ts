import { parseS3Url } from '../../../../src/store/s3/address.js'
import { openBucket, type Bucket } from '../../../../src/store/s3/bucket.js'
import type { LeaseTimes } from '../../../../src/store/s3/lease.js'
import { createS3Store } from '../../../../src/store/s3/bucket-store.js'
import { openSealedS3Store } from '../../../../src/store/sealed-s3.js'
import type { OpenedStore } from '../../../../src/store/index.js'
import type { Store } from '../../../../src/store/store.js'
import { S3_ENV, storeUrl, type S3Server } from '../../../support/s3-server.js'

interface Options {
  readonly signal?: AbortSignal
  readonly leaseTimes?: LeaseTimes
  readonly lockWaitMs?: number
  readonly command?: string
  readonly onWait?: (message: string) => void
  readonly url?: string
  readonly onMoved?: ((notice: string) => void) | undefined
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

/** Opens the sealed store on the server, with a keyfile. */
export function sealedStoreOn(
  server: S3Server,
  keyfile: string,
  options: Options = {},
): OpenedStore {
  return openSealedS3Store({ ...optionsOf(server, options), keyfileOf: () => keyfile })
}
