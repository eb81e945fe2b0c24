import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inParallel } from '../src/parallel.js'
import { decodeRecord, encodeRecord } from '../src/core/records/codec.js'
import { recordPath } from '../src/core/records/model.js'
import {
  createRouter,
  distribute,
  listDue,
  listExpiring,
  openEngine,
  PATHS,
  readDetailedStatus,
  readStatus,
  saveKey,
  saveProvider,
  type Engine,
  type Operation,
} from '../src/index.js'
import { startEmbeddedKms } from './embedded-kms.js'
import type { Result } from './result.js'
import { startS3, type S3 } from './s3.js'
import { spreadOf } from './statistics.js'

const ROUND_TRIP_MS = 30
const KEYS = 10_000
/** The keys that are distributed, whose records `status` reads. */
const DISTRIBUTED = 1_000
const RUNS = 25
const SCANS = 3

/**
 * Compares commands on a store on S3 with requests of the bare SDK: one for a command on a key, and
 * for a command on all keys the pages, and the records 32 at a time. All connections are open.
 */
export async function* sharedStore(folder: string): AsyncGenerator<Result> {
  mkdirSync(folder, { recursive: true })
  const [s3, kms] = [await startS3(), await startEmbeddedKms()]
  try {
    const env = { ...s3.env, ...kms.env, KEYMGMT_KEYFILE: join(folder, 'keyfile') }
    await openEngine({ env }).initialize()
    const { engine } = openEngine({ env })
    await fill(engine)
    s3.delay(ROUND_TRIP_MS)
    const bare = createBareClient(s3)
    for (const [operation, path, bound] of COMMANDS) {
      const command = () => createRouter(PATHS).resolve(operation, path, null).run(engine)
      yield await compare(`${operation} ${path}`, RUNS, bound, command, bare.get)
    }
    const list = () => engine.store.list(recordPath.keys)
    const status = () => readStatus(engine)
    const due = () => listDue(engine)
    yield await compare('list of 10,000 keys', SCANS, 1.5, list, bare.list)
    yield await compare('status of 10,000 keys', SCANS, 1.5, status, bare.scan)
    const detailed = () => readDetailedStatus(engine)
    yield await compare('status -detailed of 10,000 keys', SCANS, 1.5, detailed, bare.scanAll)
    yield await compare('due of 10,000 keys', SCANS, 1.5, due, bare.scanAll)
    const expiring = () => listExpiring(engine, 0)
    yield await compare('expiring of 10,000 keys', SCANS, 1.5, expiring, bare.scanDistributed)
  } finally {
    await s3.close()
    await kms.close()
  }
}

/** Commands on one key, and the requests that they may wait for, one after the other. */
const COMMANDS: readonly (readonly [Operation, string, number])[] = [
  ['read', 'keymgmt/key/app', 2.5],
  ['write', 'keymgmt/key/plain/rotate', 6],
]

/** Writes copies of the records of one key, because creating each key takes many requests. */
async function fill(engine: Engine): Promise<void> {
  const { store } = engine
  await saveProvider(engine, 'k', { provider: 'awskms', keyCollection: 'eu-west-1' })
  await saveKey(engine, 'plain', { type: 'aes256-gcm96' })
  await saveKey(engine, 'app', { type: 'aes256-gcm96' })
  await distribute(engine, 'k', 'app', { purpose: ['encrypt', 'decrypt'], protection: 'hsm' })
  const copy = async (path: (name: string) => string, count: number) => {
    const original = await store.get(path('app'))
    const record = decodeRecord(path('app'), original?.value ?? new Uint8Array()) as object
    const names = Array.from({ length: count }, (_, index) => `key-${index}`)
    await inParallel(names, (name) =>
      store.put(path(name), encodeRecord({ ...record, name }), undefined),
    )
  }
  await copy(recordPath.key, KEYS - 2)
  await copy((name) => recordPath.distribution('k', name), DISTRIBUTED - 1)
}

function createBareClient({ endpoint, bucket: Bucket, env }: S3) {
  const client = new S3Client({
    endpoint,
    region: 'eu-west-1',
    forcePathStyle: true,
    credentials: {
      accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
    },
  })
  const get = async (Key = 'prod/records/key/app') => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
    await Body?.transformToByteArray()
  }
  const list = async (folder = 'key') => {
    const keys: string[] = []
    const input = { Bucket, Prefix: `prod/records/${folder}/`, Delimiter: '/' }
    for await (const page of paginateListObjectsV2({ client }, input))
      keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []))
    return keys
  }
  const scan = async () => {
    const [, distributions] = await Promise.all([list(), list('distribution/k')])
    const keys = distributions.map((path) => path.replace('distribution/k', 'key'))
    await inParallel([...keys, ...distributions], get)
  }
  const scanAll = async () => {
    const found = await Promise.all([list(), list('distribution/k')])
    await inParallel(found.flat(), get)
  }
  const scanDistributed = async () => {
    await inParallel(await list('distribution/k'), get)
  }
  return { get: () => get(), list: () => list(), scan, scanAll, scanDistributed }
}

/** Runs both alternately. The first pair opens the connections, and is not counted. */
async function compare(
  scenario: string,
  runs: number,
  bound: number,
  command: () => Promise<unknown>,
  bare: () => Promise<unknown>,
): Promise<Result> {
  const pairs: (readonly [number, number])[] = []
  for (let index = 0; index <= runs; index++) pairs.push([await time(command), await time(bare)])
  const counted = pairs.slice(1)
  const median = (side: 0 | 1) => spreadOf(counted.map((pair) => pair[side])).median.toFixed(0)
  return {
    scenario,
    detail: `keymgmt ${median(0)} ms, bare SDK ${median(1)} ms`,
    value: spreadOf(counted.map(([ours, other]) => ours / other)),
    unit: '×',
    bound,
  }
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
