import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { setMaxListeners } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { saveSnapshot } from '../../../../src/core/operations/snapshot-save.js'
import { PATHS } from '../../../../src/paths/index.js'
import { createRouter } from '../../../../src/router/router.js'
import {
  distribute,
  readStatus,
  saveKey,
  saveProvider,
  verifyProvider,
  type Engine,
  type Operation,
} from '../../../../src/index.js'
import { createMemoryKms } from '../../../support/memory-kms.js'
import {
  parallelRequests,
  serialRequests,
  startS3Server,
  type S3Request,
  type S3Server,
} from '../../../support/s3-server.js'
import { AES, HOME, testbedOver } from '../../core/testbed.js'
import { sealedStoreOn } from './open.js'

// Counts requests, and measures no time. The server delays its replies, so that requests that do
// not wait for each other overlap.
const DELAY_MS = 300
const KEYS = 70

const kms = createMemoryKms()
let server: S3Server
let folder: string
let latency = 0

/** Opens the store as a new command does. */
function open() {
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const opened = sealedStoreOn(server, join(folder, 'keyfile'), { signal })
  return { ...opened, engine: testbedOver(opened.store, kms, kms.kind).engine }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keymgmt-round-trips-'))
  server = await startS3Server({ latencyMs: () => latency })
  const { engine, ...opened } = open()
  await opened.initialize()
  await saveProvider(engine, 'k', { provider: 'awskms', keyCollection: HOME })
  for (let index = 0; index < KEYS; index++) {
    await saveKey(engine, `key-${index}`, { type: 'aes256-gcm96' })
    await distribute(engine, 'k', `key-${index}`, AES)
  }
  await saveKey(engine, 'plain', { type: 'aes256-gcm96' })
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Returns the requests that `use` sends to the store, with slow replies. */
async function requestsOf(use: (engine: Engine) => Promise<unknown>): Promise<S3Request[]> {
  const { engine } = open()
  const before = server.requests.length
  latency = DELAY_MS
  try {
    await use(engine)
  } finally {
    latency = 0
  }
  return server.requests.slice(before)
}

it.each([
  ['read', 'keymgmt/key/key-1', 2],
  ['read', 'keymgmt/kms/k/key/key-1', 1],
  ['list', 'keymgmt/key', 1],
  ['write', 'keymgmt/key/plain/rotate', 8],
  ['write', 'keymgmt/key/key-1/rotate', 14],
] satisfies [Operation, string, number][])(
  '%s %s waits for at most %d requests, one after the other',
  async (operation, path, bound) => {
    const requests = await requestsOf((engine) =>
      createRouter(PATHS).resolve(operation, path, null).run(engine),
    )
    expect(serialRequests(requests)).toBeLessThanOrEqual(bound)
  },
)

const isRead = ({ method, key }: S3Request) => method === 'GET' && key !== ''
const isRecord = ({ key }: S3Request) => key.startsWith('prod/records/')

it('status reads 32 records at a time, and each record once', async () => {
  const requests = (await requestsOf(readStatus)).filter(isRecord)
  expect(parallelRequests(requests)).toBe(32)
  // The records of the keys, then those of their distributions.
  expect(requests.filter(isRead).length).toBe(1 + 2 * KEYS)
})

it('the comparison of a provider with AWS reads the records of 32 keys at a time', async () => {
  const requests = await requestsOf((engine) => verifyProvider(engine, 'k', false))
  const read = ({ key }: S3Request) => /^prod\/records\/key\/key-\d+$/.test(key)
  expect(parallelRequests(requests.filter(read))).toBe(32)
})

it('a snapshot reads the records of up to 32 keys at a time', async () => {
  const { seals } = open()
  const header = await seals.header()
  if (!header) throw new Error('the store has no header')
  const root = await seals.open(header)
  const requests = await requestsOf(({ store }) => saveSnapshot(store, header, root, new Date()))
  const read = ({ key }: S3Request) => /^prod\/records\/key\/key-\d+$/.test(key)
  const parallel = parallelRequests(requests.filter(read))
  expect(parallel).toBeGreaterThan(8)
  expect(parallel).toBeLessThanOrEqual(32)
})
