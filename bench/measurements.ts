import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createEngine, openSealedLocalStore, saveKey, awsKms } from '../src/index.js'
import { startKmsThread } from './kms-thread.js'
import { BINARY, median, ROOT, type Env, type Measured } from './measuring.js'

const RUNS = 61
const CRITICAL_PATH = fileURLToPath(new URL('./critical-path.js', import.meta.url))

/**
 * Runs Node with these arguments, as a script does; answers how long the whole process took, in
 * milliseconds.
 */
async function node(
  args: readonly string[],
  env: Env,
  watch: (pid: number) => void = () => undefined,
): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.resume()
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  watch(child.pid ?? 0)
  const status = await new Promise((resolve) => child.on('close', resolve))
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}: ${stderr}`)
  return performance.now() - started
}

/**
 * The most memory that a process had, in MB. Linux keeps its high-water mark; elsewhere it is not
 * measured.
 */
function peakOf(pid: number): number {
  try {
    return (
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
    )
  } catch {
    return 0
  }
}

const keymgmt = (line: string, env: Env, watch?: (pid: number) => void) =>
  node([BINARY, ...line.split(' ')], env, watch)

/**
 * The medians of two things that take turns, so that whatever else the machine does strikes both.
 */
async function sideBySide(
  one: () => Promise<number>,
  other: () => Promise<number>,
): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []]
  for (let run = 0; run < RUNS; run++) {
    times[0].push(await one())
    times[1].push(await other())
  }
  return [median(times[0]), median(times[1])]
}

async function storeWithKeys(home: string, count: number): Promise<Env> {
  const { store } = openSealedLocalStore({ storeDir: home, keyfile: join(home, 'keyfile') })
  const engine = createEngine({
    store,
    kinds: { awskms: awsKms({ env: {}, signal: new AbortController().signal }) },
  })
  for (let index = 0; index < count; index++)
    await saveKey(engine, index === 0 ? 'app' : `key-${index}`, { type: 'aes256-gcm96' })
  return { KEYMGMT_HOME: home }
}

async function localCommand(home: string): Promise<Measured> {
  const env = await storeWithKeys(home, 10)
  const [ours, empty] = await sideBySide(
    () => keymgmt('read keymgmt/key/app', env),
    () => node(['-e', '0'], {}),
  )
  return {
    value: ours / empty,
    bound: 1.5,
    unit: '×',
    detail: `read of a key ${ours.toFixed(0)} ms, an empty Node.js process ${empty.toFixed(0)} ms`,
  }
}

async function manyKeys(home: string): Promise<Measured> {
  const few = await storeWithKeys(join(home, 'few'), 10)
  const many = await storeWithKeys(join(home, 'many'), 10_000)
  const [slow, fast] = await sideBySide(
    () => keymgmt('read keymgmt/key/app', many),
    () => keymgmt('read keymgmt/key/app', few),
  )
  return {
    value: slow / fast,
    bound: 1.1,
    unit: '×',
    detail: `read with 10,000 keys ${slow.toFixed(0)} ms, with 10 ${fast.toFixed(0)} ms`,
  }
}

async function prepared(home: string, versions: number, env: Env): Promise<Env> {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const all = { ...env, KEYMGMT_HOME: home }
  await keymgmt('write -f keymgmt/key/app type=aes256-gcm96', all)
  for (let version = 2; version <= versions; version++)
    await keymgmt('write -f keymgmt/key/app/rotate', all)
  return all
}

/** Distributes the key to the Region; answers how long that took, in milliseconds. */
async function distribute(
  env: Env,
  region = 'us-west-1',
  watch?: (pid: number) => void,
): Promise<number> {
  await keymgmt(`write keymgmt/kms/k provider=awskms key_collection=${region}`, env)
  return keymgmt('write keymgmt/kms/k/key/app purpose=encrypt,decrypt', env, watch)
}

/** Each run has one of its own, so that none meets the aliases of another. */
const REGIONS = [
  'us-west-1',
  'us-west-2',
  'us-east-1',
  'us-east-2',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
]
const ROUND_TRIP_MS = 50

/**
 * From the first request to the last answer, against the requests for one version, one after the
 * other.
 */
async function distributeFast(home: string): Promise<Measured> {
  const kms = await startKmsThread({ latencyMs: ROUND_TRIP_MS })
  const spanOf = async (run: () => Promise<unknown>) => {
    await kms.span()
    await run()
    const { first, last } = await kms.span()
    return last - first
  }
  try {
    await prepared(home, 8, kms.env)
    const times: [number[], number[]] = [[], []]
    for (const region of REGIONS) {
      const copy = `${home}-${region}`
      execFileSync('cp', ['-a', home, copy])
      times[0].push(await spanOf(() => distribute({ ...kms.env, KEYMGMT_HOME: copy }, region)))
      times[1].push(await spanOf(() => node([CRITICAL_PATH, region], kms.env)))
    }
    const [ours, path] = [median(times[0]), median(times[1])]
    return {
      value: ours / path,
      bound: 1.5,
      unit: '×',
      detail: `8 versions ${ours.toFixed(0)} ms at ${ROUND_TRIP_MS} ms a round trip, the requests for one by the SDK alone ${path.toFixed(0)} ms`,
    }
  } finally {
    await kms.close()
  }
}

async function distributeUnderQuotas(home: string): Promise<Measured> {
  const kms = await startKmsThread({ quotas: 'aws' })
  try {
    const ms = await distribute(await prepared(home, 20, kms.env))
    return {
      value: ms / 19_000,
      bound: 1.1,
      unit: '×',
      detail: `20 versions under the quotas of AWS ${(ms / 1000).toFixed(1)} s, the bound is 19 s`,
    }
  } finally {
    await kms.close()
  }
}

async function peakOfDistributing(env: Env, region?: string): Promise<number> {
  let peak = 0
  let timer: NodeJS.Timeout | undefined
  await distribute(env, region, (pid) => {
    timer = setInterval(() => {
      peak = Math.max(peak, peakOf(pid))
    }, 5)
  })
  clearInterval(timer)
  return peak
}

async function memory(home: string): Promise<Measured> {
  const kms = await startKmsThread()
  try {
    const one = await peakOfDistributing(await prepared(join(home, 'one'), 1, kms.env))
    const many = await peakOfDistributing(
      await prepared(join(home, 'many'), 40, kms.env),
      'us-west-2',
    )
    return {
      value: many,
      bound: 120,
      unit: ' MB',
      detail: `distributing 40 versions; 1 version ${one.toFixed(0)} MB`,
    }
  } finally {
    await kms.close()
  }
}

function packed(): Promise<Measured> {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const [{ size, entryCount } = { size: Infinity, entryCount: 0 }] = JSON.parse(stdout) as {
    size: number
    entryCount: number
  }[]
  return Promise.resolve({
    value: size / 1000,
    bound: 400,
    unit: ' kB',
    detail: `the published package, ${entryCount} files`,
  })
}

/** Everything that is measured, by name. */
export const MEASUREMENTS: Readonly<Record<string, (home: string) => Promise<Measured>>> = {
  'local-command': localCommand,
  'many-keys': manyKeys,
  distribute: distributeFast,
  'distribute-quotas': distributeUnderQuotas,
  memory,
  package: packed,
}
