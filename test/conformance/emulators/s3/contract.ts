import { randomBytes } from 'node:crypto'
import { createSealedStore } from '../../../../src/store/index.js'
import { parseS3Url } from '../../../../src/store/s3/address.js'
import { createS3Store } from '../../../../src/store/s3/bucket-store.js'
import { STORE_CONTRACT } from '../../../contract/store-contract.js'
import { S3_ENV } from '../../../support/s3-server.js'
import type { CheckGroup } from '../suite.js'
import type { S3Place } from './place.js'

/** The contract that every store keeps, sealed and not sealed. */
export const CONTRACT: CheckGroup<S3Place> = {
  name: 'the contract of a store',
  checks: ({ newStoreUrl, signal }) => {
    const create = () => {
      const address = parseS3Url(newStoreUrl(), 'KEYMGMT_STORE')
      return createS3Store({ address, env: S3_ENV, signal })
    }
    const createSealed = () => {
      const root = { key: randomBytes(32), storeId: randomBytes(8).toString('hex') }
      return createSealedStore(create(), () => Promise.resolve(root))
    }
    return STORE_CONTRACT.flatMap(({ name, run }) => [
      { name, run: () => run(create) },
      { name: `${name}, sealed`, run: () => run(createSealed) },
    ])
  },
}
