import { afterAll, afterEach, beforeAll, describe, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createLocalStore,
  createMemoryStore,
  createOverlayStore,
  createSealedStore,
  openSealedLocalStore,
  type Store,
} from '../../src/store/index.js'
import { parseS3Url } from '../../src/store/s3/address.js'
import { createS3Store } from '../../src/store/s3/bucket-store.js'
import { S3_ENV, startS3Server, storeUrl, type S3Server } from '../support/s3-server.js'
import { STORE_CONTRACT } from './store-contract.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const newStoreDir = () => {
  const folder = mkdtempSync(join(tmpdir(), 'keymgmt-store-'))
  folders.push(folder)
  return join(folder, 'data')
}

let s3: S3Server
beforeAll(async () => {
  s3 = await startS3Server({ pageSize: 3 })
})
afterAll(() => s3.close())
const newS3Store = () =>
  createS3Store({
    address: parseS3Url(storeUrl(s3, randomBytes(8).toString('hex')), 'KEYMGMT_STORE'),
    env: S3_ENV,
    signal: new AbortController().signal,
  })

/** Every implementation, with a function that creates a new, empty one. */
const STORES: readonly (readonly [string, () => Store])[] = [
  ['memory', createMemoryStore],
  ['local', () => createLocalStore({ storeDir: newStoreDir() })],
  ['S3', newS3Store],
  [
    'sealed S3',
    () => {
      const root = { key: randomBytes(32), storeId: randomBytes(8).toString('hex') }
      return createSealedStore(newS3Store(), () => Promise.resolve(root))
    },
  ],
  ['overlay', () => createOverlayStore(createMemoryStore())],
  [
    'sealed memory',
    () => {
      const root = { key: randomBytes(32), storeId: randomBytes(8).toString('hex') }
      return createSealedStore(createMemoryStore(), () => Promise.resolve(root))
    },
  ],
  [
    'sealed local',
    () => {
      const storeDir = newStoreDir()
      return openSealedLocalStore({ storeDir, keyfile: join(storeDir, 'keyfile') }).store
    },
  ],
]

describe.each(STORES)('the %s store', (_name, create) => {
  it.each(STORE_CONTRACT)('$name', ({ run }) => run(create))
})
