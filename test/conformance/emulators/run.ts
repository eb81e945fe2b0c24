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
import { chosenSite, type Site } from './site.js'
import { runSuite } from './suite.js'
import { count, divergenceTable, summary, type Verdict } from './verdict.js'

/** Something to hold to the suite. */
interface Target {
  readonly name: string
  readonly run: (site: Site) => Promise<Verdict[]>
}

/** Where every target is that is started here. */
const PLACE = { home: 'us-west-1', replicas: ['us-east-1', 'eu-west-1'], checkMs: 60_000 } as const

function emulated(emulator: Emulator): Target {
  return {
    name: emulator.name,
    run: async (site) => {
      const { endpoint, stop } = await launch(emulator, site.folder, site.signal)
      try {
        return await runSuite(GROUPS, { ...site, endpoint, pair: { id: 'test', secret: 'test' } })
      } finally {
        await stop()
      }
    },
  }
}

/** Ours, treated as an account of AWS's: so what is done to an account is tried each time. */
const EMBEDDED: Target = {
  name: 'keymgmt dev',
  run: async (site) => {
    const kms = await startDevKms()
    try {
      const { accessKeyId: id, secretAccessKey: secret } = kms.credentials
      return await runInAccount(GROUPS, { ...site, endpoint: kms.endpoint, pair: { id, secret } })
    } finally {
      await kms.close()
    }
  },
}

/** Runs one target; that it can't be run is a failure of it. */
async function attempt(
  { name, run }: Target,
  folder: string,
  signal: AbortSignal,
): Promise<Verdict[]> {
  const own = mkdtempSync(join(folder, 'site-'))
  const site: Site = {
    name,
    ...PLACE,
    endpoint: undefined,
    pair: undefined,
    runId: randomUUID(),
    folder: own,
    signal,
    operators: [],
  }
  return run(site).catch((error: unknown): Verdict[] => [
    { check: 'the whole suite', kind: 'failed', why: (error as Error).message },
  ])
}

async function runAll(folder: string, signal: AbortSignal): Promise<boolean> {
  const chosen = chosenSite(process.env)
  const targets = chosen
    ? [{ name: chosen.name, run: (site: Site) => runInAccount(GROUPS, { ...site, ...chosen }) }]
    : [...EMULATORS.map(emulated), EMBEDDED]
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
