import { createEngine, type Engine } from '../../src/core/engine.js'
import { decodeRecord } from '../../src/core/records/codec.js'
import { recordPath, type KeyRecord } from '../../src/core/records/model.js'
import { awsKms } from '../../src/kms/aws/index.js'
import { createSealedStore, type Store } from '../../src/store/index.js'
import { parseS3Url } from '../../src/store/s3/address.js'
import { createS3Store } from '../../src/store/s3/bucket-store.js'
import type { LeaseTimes } from '../../src/store/s3/lease.js'
import { S3_ENV } from '../support/s3-server.js'
import type { Seen } from './checker.js'

/** A store that several processes share, and the KMS of its keys. */
export interface SharedStore {
  readonly url: string
  /** The root key of the store, in hex. */
  readonly rootKey: string
  readonly leaseTimes: LeaseTimes
  readonly kmsEndpoint: string
  readonly kmsCredentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** The list that all writers append to, below no other record. */
export const LIST = 'load/list'
/** The key that all writers rotate. */
export const KEY = 'app'

/** Opens the store. The keys of its engine are in the embedded KMS. */
export function openShared(shared: SharedStore): { store: Store; engine: Engine } {
  const { signal } = new AbortController()
  const address = parseS3Url(shared.url, 'KEYMGMT_STORE')
  const inner = createS3Store({ address, env: S3_ENV, signal, leaseTimes: shared.leaseTimes })
  const root = { key: Buffer.from(shared.rootKey, 'hex'), storeId: 'load' }
  // The root key is wiped after use.
  const unlock = () => Promise.resolve({ ...root, key: Buffer.from(root.key) })
  const store = createSealedStore(inner, unlock)
  const env = {
    ...S3_ENV,
    AWS_ENDPOINT_URL_KMS: shared.kmsEndpoint,
    AWS_ACCESS_KEY_ID: shared.kmsCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: shared.kmsCredentials.secretAccessKey,
  }
  return { store, engine: createEngine({ store, kinds: { awskms: awsKms({ env, signal }) } }) }
}

/** Reads the list. */
export async function readList(store: Store): Promise<Seen> {
  const found = await store.get(LIST)
  const values = found ? (JSON.parse(Buffer.from(found.value).toString()) as string[]) : []
  return { revision: revisionNumber(found?.revision), values }
}

/** Reads the versions of the key, also one whose rotation has not finished. */
export async function readVersions(store: Store): Promise<Seen> {
  const path = recordPath.key(KEY)
  const found = await store.get(path)
  if (!found) return { revision: 0, values: [] }
  const { versions } = decodeRecord(path, found.value) as KeyRecord
  return { revision: revisionNumber(found.revision), values: Object.keys(versions) }
}

/** A sealed store's revision begins with the number in the record. */
function revisionNumber(revision = '0:'): number {
  return Number(revision.split(':')[0])
}
