import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDevKms } from '../../../src/index.js'
import { runInAccount } from './account.js'
import { DIVERGENCES } from './divergences.js'
import { EMULATORS, type Emulator } from './emulators.js'
import { GROUPS } from './groups.js'
import { launch } from './launch.js'
import { S3_GROUPS, refusalOf } from './s3/groups.js'
import { s3PlaceAt, type S3Place } from './s3/place.js'
import { RECIPES } from './s3/recipes.js'
import { FAULTY_S3_SERVERS, S3_SERVERS } from './s3/servers.js'
import { chosenSite, type Site } from './site.js'
import { runSuite, type CheckGroup, type Place } from './suite.js'
import { count, divergenceTable, summary, type Verdict } from './verdict.js'

/** A server to run a suite against. */
interface Target {
  readonly name: string
  readonly run: (place: LocalPlace) => Promise<Verdict[]>
}

/** A place on this machine, with a folder for the files of a target. */
interface LocalPlace extends Place {
  readonly folder: string
}

/** Returns the site of a KMS that this run starts. */
function siteAt(place: LocalPlace): Site {
  return {
    ...place,
    home: 'us-west-1',
    replicas: ['us-east-1', 'eu-west-1'],
    endpoint: undefined,
    pair: undefined,
    runId: randomUUID(),
    operators: [],
  }
}

function emulated(emulator: Emulator): Target {
  return {
    name: emulator.name,
    run: (place) =>
      withEmulator(emulator, place, (endpoint) =>
        runSuite(GROUPS, { ...siteAt(place), endpoint, pair: { id: 'test', secret: 'test' } }),
      ),
  }
}

/** Returns the target of a server of the S3 protocol, with its checks. */
function s3Server(emulator: Emulator, groups: readonly CheckGroup<S3Place>[]): Target {
  return {
    name: emulator.name,
    run: (place) =>
      withEmulator(emulator, place, async (endpoint) =>
        runSuite(groups, await s3PlaceAt({ ...place, checkMs: S3_CHECK_MS }, endpoint)),
      ),
  }
}

async function withEmulator<T>(
  emulator: Emulator,
  { folder, signal }: LocalPlace,
  use: (endpoint: string) => Promise<T>,
): Promise<T> {
  const { endpoint, stop } = await launch(emulator, folder, signal)
  try {
    return await use(endpoint)
  } finally {
    await stop()
  }
}

/**
 * The embedded KMS, treated as an AWS account, so that every run also tests the handling of an
 * account.
 */
const EMBEDDED: Target = {
  name: 'keymgmt dev',
  run: async (place) => {
    const kms = await startDevKms()
    try {
      const { accessKeyId: id, secretAccessKey: secret } = kms.credentials
      const site = { ...siteAt(place), endpoint: kms.endpoint, pair: { id, secret } }
      return await runInAccount(GROUPS, site)
    } finally {
      await kms.close()
    }
  },
}

const LOCAL_TARGETS: readonly Target[] = [
  ...EMULATORS.map(emulated),
  EMBEDDED,
  ...S3_SERVERS.map((server) =>
    s3Server(server, server.hasSts ? [...S3_GROUPS, RECIPES] : S3_GROUPS),
  ),
  ...FAULTY_S3_SERVERS.map((server) => s3Server(server, [refusalOf(server)])),
]

/** Longest time for one check on this machine. */
const CHECK_MS = 60_000
/** Longest time for one check of a store: some start many processes. */
const S3_CHECK_MS = 240_000

/** Runs one target. If it can't be run, that is a failure. */
async function attempt(
  { name, run }: Target,
  folder: string,
  signal: AbortSignal,
): Promise<Verdict[]> {
  const own = mkdtempSync(join(folder, 'site-'))
  return run({ name, folder: own, signal, checkMs: CHECK_MS }).catch(
    (error: unknown): Verdict[] => [
      { check: 'the whole suite', kind: 'failed', why: (error as Error).message },
    ],
  )
}

/**
 * Returns the targets: the site that the variable names, or else the targets on this machine that
 * the arguments name.
 */
function chosenTargets(names: readonly string[]): readonly Target[] {
  const chosen = chosenSite(process.env)
  const unknown = names.find((name) => !LOCAL_TARGETS.some((target) => target.name === name))
  if (unknown !== undefined) throw new Error(`there is no target ${unknown}`)
  if (!chosen) return LOCAL_TARGETS.filter(({ name }) => names.length === 0 || names.includes(name))
  const run = (place: LocalPlace) => runInAccount(GROUPS, { ...siteAt(place), ...chosen })
  return [{ name: chosen.name, run }]
}

async function runAll(folder: string, signal: AbortSignal): Promise<boolean> {
  const targets = chosenTargets(process.argv.slice(2))
  const results = await Promise.all(
    targets.map(async (target) => ({ ...target, verdicts: await attempt(target, folder, signal) })),
  )
  console.log()
  for (const { name, verdicts } of results) {
    for (const { check, kind, why } of verdicts)
      if (kind === 'failed') console.log(`failed: ${name}: ${check}: ${why}`)
  }
  for (const { name, verdicts } of results) console.log(summary(name, verdicts))
  const verdicts = results.flatMap((result) => result.verdicts)
  const rows = DIVERGENCES.filter(({ target }) => results.some(({ name }) => name === target))
  console.log(
    `conformance: ${count(verdicts, 'held')} held, ${rows.length} divergences known, ${count(verdicts, 'failed')} failed`,
  )
  return count(verdicts, 'failed') === 0
}

async function main(): Promise<number> {
  if (process.argv.includes('--docs')) {
    process.stdout.write(divergenceTable(DIVERGENCES))
    return 0
  }
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort(new Error('interrupted'))
    })
  const folder = mkdtempSync(join(tmpdir(), 'keymgmt-conformance-'))
  try {
    return Number(!(await runAll(folder, stop.signal)))
  } catch (error) {
    console.error((error as Error).message)
    return 1
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

process.exitCode = await main()
