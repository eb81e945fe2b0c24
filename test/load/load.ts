import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { distribute } from '../../src/core/operations/distribute.js'
import { saveKey } from '../../src/core/operations/keys.js'
import { saveProvider } from '../../src/core/operations/providers.js'
import { readDistribution } from '../../src/core/records/repository.js'
import { startDevKms, type DevKms } from '../../src/dev-kms/index.js'
import { startFaultyS3, type S3FaultOptions } from '../support/s3-faults.js'
import { findProblems, type Operation } from './checker.js'
import type { ProcessConfig } from './process.js'
import { KEY, openShared, readList, readVersions, type SharedStore } from './store.js'

/** Sixteen writers in four processes, each with a separate home folder. */
const PROCESSES = 4
const WRITERS = 4

const PROCESS = fileURLToPath(new URL('process.js', import.meta.url))

/** Short enough that slow replies and stopped processes lose their leases. */
const LEASE_TIMES = { lengthMs: 400, renewMs: 150, pollMs: 50 }

const DISTRIBUTION = { purpose: ['encrypt', 'decrypt'], protection: 'hsm' } as const

/** The size of a load, and the faults of the server. */
export interface LoadOptions extends Pick<ProcessConfig, 'appends' | 'rotations'> {
  readonly faults?: S3FaultOptions
}

/** The result of a load. */
export interface Load {
  /** The number of operations that were acknowledged. */
  readonly acknowledged: number
  /** Lost updates, versions that exist twice or are missing, and surplus KMS keys. */
  readonly problems: readonly string[]
}

/**
 * Runs the load on a new store below `prefix`, a URL of which `urlAt` returns for an endpoint of
 * the same server.
 */
export async function runLoad(
  endpoint: string,
  urlAt: (endpoint: string) => string,
  { appends, rotations, faults = { share: 0, slowMs: 0 } }: LoadOptions,
): Promise<Load> {
  const kms = await startDevKms()
  const proxy = await startFaultyS3(endpoint, faults)
  try {
    const shared: SharedStore = {
      url: urlAt(endpoint),
      rootKey: randomBytes(32).toString('hex'),
      leaseTimes: LEASE_TIMES,
      kmsEndpoint: kms.endpoint,
      kmsCredentials: kms.credentials,
    }
    const { store, engine } = openShared(shared)
    await saveProvider(engine, 'k', { provider: 'awskms', keyCollection: 'us-west-1' })
    await saveKey(engine, KEY, { type: 'aes256-gcm96' })
    await distribute(engine, 'k', KEY, DISTRIBUTION)
    const through = { ...shared, url: urlAt(proxy.endpoint), appends, rotations }
    const history = await runProcesses(through, faults.share > 0)
    // Finishes the last rotation, and finds surplus KMS keys.
    await distribute(engine, 'k', KEY, DISTRIBUTION)
    const last = {
      list: await readNow('list', () => readList(store)),
      versions: await readNow('versions', () => readVersions(store)),
    }
    return {
      acknowledged: history.filter(({ acknowledged }) => acknowledged !== undefined).length,
      problems: [
        ...findProblems([...history, last.list, last.versions]),
        ...gaps(last.versions.read?.values ?? []),
        ...(await kmsProblems(engine, kms)),
      ],
    }
  } finally {
    await proxy.close()
    await kms.close()
  }
}

async function runProcesses(
  config: Omit<ProcessConfig, 'writers'>,
  isStopping: boolean,
): Promise<Operation[]> {
  const children: ChildProcess[] = []
  const histories = Array.from({ length: PROCESSES }, (_, process) => {
    const writers = Array.from({ length: WRITERS }, (_, writer) => `w${process * WRITERS + writer}`)
    return runProcess({ ...config, writers }, (child) => children.push(child))
  })
  const all = Promise.all(histories)
  if (isStopping) await stopInTurn(children, all)
  return (await all).flat()
}

/** Stops each process for longer than a lease lasts. */
async function stopInTurn(children: readonly ChildProcess[], all: Promise<unknown>): Promise<void> {
  const isOver = { now: false }
  const ended = all.finally(() => {
    isOver.now = true
  })
  ended.catch(() => undefined)
  for (let turn = 0; !isOver.now; turn++) {
    const child = children[turn % children.length]
    await Promise.race([ended, sleep(1_000)])
    child?.kill('SIGSTOP')
    await sleep(LEASE_TIMES.lengthMs * 2)
    child?.kill('SIGCONT')
  }
}

async function runProcess(
  config: ProcessConfig,
  onSpawn: (child: ChildProcess) => void,
): Promise<Operation[]> {
  const HOME = mkdtempSync(join(tmpdir(), 'keymgmt-load-'))
  try {
    const child = spawn(process.execPath, ['--no-warnings', PROCESS, JSON.stringify(config)], {
      env: { PATH: process.env.PATH, HOME },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onSpawn(child)
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const status = await new Promise((resolve) => child.on('close', resolve))
    if (status !== 0) throw new Error(`a process ended with ${String(status)}: ${stderr}`)
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Operation)
  } finally {
    rmSync(HOME, { recursive: true })
  }
}

async function readNow(object: string, read: () => Promise<Operation['read']>): Promise<Operation> {
  const now = () => performance.timeOrigin + performance.now()
  const invoked = now()
  return { writer: 'the test', object, invoked, read: await read(), acknowledged: now() }
}

/** PURE: returns a problem if the versions are not 1, 2, 3, … */
export function gaps(versions: readonly string[]): string[] {
  const isGap = versions.some((version, index) => version !== String(index + 1))
  return isGap ? [`versions have gaps: ${versions.join(', ')}`] : []
}

/** Compares the KMS keys that are not scheduled for deletion with those on record. */
async function kmsProblems(
  engine: Parameters<typeof readDistribution>[0],
  kms: DevKms,
): Promise<string[]> {
  const record = await readDistribution(engine, 'k', KEY)
  const recorded = new Set(
    record?.kmsKeys.map((entry) => (entry.state === 'created' ? entry.key.id : '')),
  )
  return [...kms.account.region('us-west-1').keys.values()]
    .filter(({ id, deletion }) => !deletion !== recorded.has(id))
    .map(({ id }) => `KMS key ${id} is not on record, or is scheduled for deletion`)
}
