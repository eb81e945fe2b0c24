import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbeddedKms, type EmbeddedKms } from './embedded-kms.js'
import { peakMemory, timeProcess, type Environment } from './processes.js'
import type { NotMeasured, Result } from './result.js'
import { spreadOf } from './statistics.js'
import { createUser, type User } from './user.js'

const CRITICAL_PATH = fileURLToPath(new URL('./critical-path.js', import.meta.url))
const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
const ROUND_TRIP_MS = 50
/** One for each run, because an alias exists once in a Region. */
const REGIONS = [
  'us-west-1',
  'us-west-2',
  'us-east-1',
  'us-east-2',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
]

/**
 * Compares the distribution of 8 versions with the requests that one version needs, one after the
 * other, sent with the SDK alone: versions need not wait for each other. Measures from the first
 * request to the last response, as the KMS sees them.
 */
export async function* distribute(folder: string): AsyncGenerator<Result> {
  const kms = await startEmbeddedKms({ latencyMs: ROUND_TRIP_MS })
  try {
    const prepared = join(folder, 'prepared')
    createVersions(createUser(prepared), 8)
    const runs: (readonly [number, number])[] = []
    for (const region of REGIONS) {
      const copy = join(folder, region)
      cpSync(prepared, copy, { recursive: true })
      const user = createUser(copy)
      createProvider(user, kms.env, region)
      const ours = await spanOf(kms, () => {
        timeProcess(user.keymgmt(DISTRIBUTE, { env: kms.env }))
      })
      const bare = await spanOf(kms, () => {
        const args = [CRITICAL_PATH, region]
        timeProcess({ program: process.execPath, args, env: { ...user.env, ...kms.env } })
      })
      runs.push([ours, bare])
    }
    const median = (index: 0 | 1) => spreadOf(runs.map((run) => run[index])).median.toFixed(0)
    yield {
      scenario: `8 versions, ${ROUND_TRIP_MS} ms latency`,
      detail: `distribute ${median(0)} ms, critical path with the bare SDK ${median(1)} ms`,
      value: spreadOf(runs.map(([ours, bare]) => ours / bare)),
      unit: '×',
      bound: 1.3,
    }
  } finally {
    await kms.close()
  }
}

/** The lower bound for 20 versions: one GetParametersForImport per second, the first at once. */
const QUOTA_BOUND_MS = 19_000

/** Compares the distribution of 20 versions under AWS's quotas with the least possible time. */
export async function* distributeUnderQuotas(folder: string): AsyncGenerator<Result> {
  const kms = await startEmbeddedKms({ quotas: 'aws' })
  try {
    const user = createUser(folder)
    createVersions(user, 20)
    createProvider(user, kms.env)
    const { wall } = timeProcess(user.keymgmt(DISTRIBUTE, { env: kms.env }))
    yield {
      scenario: '20 versions, AWS quotas',
      detail: `distribute ${(wall / 1000).toFixed(2)} s, lower bound ${QUOTA_BOUND_MS / 1000} s`,
      value: spreadOf([wall / QUOTA_BOUND_MS]),
      unit: '×',
      bound: 1.05,
    }
  } finally {
    await kms.close()
  }
}

/** Measures the most memory that a distribution needs, with few and with many versions. */
export async function* memory(folder: string): AsyncGenerator<Result | NotMeasured> {
  if (process.platform !== 'linux') {
    yield { notMeasured: 'only Linux reports the peak memory of a process' }
    return
  }
  const kms = await startEmbeddedKms()
  try {
    for (const versions of [1, 40]) {
      const prepared = join(folder, `${versions}`)
      createVersions(createUser(prepared), versions)
      const peaks: number[] = []
      for (const region of REGIONS.slice(0, 5)) {
        const copy = join(folder, `${versions}-${region}`)
        cpSync(prepared, copy, { recursive: true })
        const user = createUser(copy)
        createProvider(user, kms.env, region)
        peaks.push(await peakMemory(user.keymgmt(DISTRIBUTE, { env: kms.env })))
      }
      yield {
        scenario: `${versions} version${versions === 1 ? '' : 's'}`,
        detail: 'peak resident memory of distribute, with a keyfile',
        value: spreadOf(peaks),
        unit: 'MB',
        bound: 90,
      }
    }
  } finally {
    await kms.close()
  }
}

/** Creates the key `app` with this number of versions. */
function createVersions(user: User, versions: number): void {
  timeProcess(user.keymgmt('write -f keymgmt/key/app type=aes256-gcm96'))
  for (let version = 2; version <= versions; version++)
    timeProcess(user.keymgmt('write -f keymgmt/key/app/rotate'))
}

function createProvider(user: User, env: Environment, region = 'us-west-1'): void {
  const line = `write keymgmt/kms/k provider=awskms key_collection=${region}`
  timeProcess(user.keymgmt(line, { env }))
}

/** Returns the milliseconds between the first request of `run` and the last response. */
async function spanOf(kms: EmbeddedKms, run: () => void): Promise<number> {
  await kms.span()
  run()
  const { first, last } = await kms.span()
  return last - first
}
