import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { budget, clearAway, keysAt } from './account.js'
import { DIVERGENCES } from './divergences.js'
import { EMULATORS, type Emulator } from './emulators.js'
import { GROUPS } from './groups.js'
import { launch } from './launch.js'
import { chosenSite, confirm } from './place.js'
import { findPython } from './python.js'
import type { Site } from './site.js'
import { runGroup } from './suite.js'
import { divergenceTable, staleTable } from './table.js'
import { judge, strayRows, summary, type Verdict } from './verdict.js'

/** Runs the suite at one site, prints a line for each group, and answers every verdict. */
async function runAt(site: Site): Promise<Verdict[]> {
  const rows = DIVERGENCES.filter(({ target }) => target === site.name)
  const verdicts: Verdict[] = []
  for (const group of GROUPS) {
    const ofGroup = (await runGroup(group, site)).map((outcome) => judge(outcome, rows))
    verdicts.push(...ofGroup)
    console.log(summary(`${site.name}: ${group.name}`, ofGroup))
    for (const { check, kind, why } of ofGroup) if (kind !== 'passed') console.log(`    ${kind}: ${check}: ${why}`)
  }
  return [...verdicts, ...strayRows(rows, verdicts)]
}

async function runEmulator(emulator: Emulator, python: string, folder: string, signal: AbortSignal): Promise<Verdict[]> {
  const { endpoint, stop } = await launch(emulator, python, folder, signal)
  try {
    return await runAt({
      name: emulator.name, endpoint, pair: { id: 'test', secret: 'test' }, home: 'us-west-1', replicas: ['us-east-1', 'eu-west-1'],
      runId: randomUUID(), folder, signal, checkMs: 60_000, operators: [],
    })
  } finally {
    await stop()
  }
}

/** An account that was there before: nothing that is made in it is left usable. */
async function runInAccount(site: Site): Promise<Verdict[]> {
  console.log(budget(site))
  confirm(site, process.env)
  const before = await keysAt(site)
  try {
    return await runAt(site)
  } finally {
    const evidence = await clearAway(site, before)
    console.log([`${site.name}: ${evidence.length} KMS keys were made:`, ...evidence].join('\n    '))
  }
}

/** Runs one target; that it can't be run is a failure of it. */
async function attempt(name: string, run: () => Promise<Verdict[]>): Promise<Verdict[]> {
  return run().catch((error: unknown): Verdict[] => {
    console.error(`${name}: ${(error as Error).message}`)
    return [{ check: 'the whole suite', kind: 'failed', why: (error as Error).message }]
  })
}

async function runAll(folder: string, signal: AbortSignal): Promise<boolean> {
  const site = chosenSite(process.env, folder, signal)
  const python = site ? '' : await findPython(process.env)
  const targets = site
    ? [{ name: site.name, run: () => runInAccount(site) }]
    : EMULATORS.map((emulator) => {
        const place = join(folder, emulator.name)
        mkdirSync(place)
        return { name: emulator.name, run: () => runEmulator(emulator, python, place, signal) }
      })
  const results = await Promise.all(targets.map(async ({ name, run }) => ({ name, verdicts: await attempt(name, run) })))
  console.log()
  for (const { name, verdicts } of results) {
    for (const { check, kind, why } of verdicts) if (kind === 'failed') console.log(`failed: ${name}: ${check}: ${why}`)
  }
  for (const { name, verdicts } of results) console.log(summary(name, verdicts))
  return results.every(({ verdicts }) => verdicts.every(({ kind }) => kind !== 'failed'))
}

async function main(): Promise<number> {
  if (process.argv.includes('--docs')) {
    process.stdout.write(divergenceTable(DIVERGENCES))
    return 0
  }
  const stale = staleTable(DIVERGENCES)
  if (stale) console.error(stale)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { stop.abort(new Error('interrupted')) })
  const folder = mkdtempSync(join(tmpdir(), 'keymgmt-conformance-'))
  try {
    const passed = await runAll(folder, stop.signal)
    return stop.signal.aborted ? 130 : Number(!passed || stale !== undefined)
  } catch (error) {
    console.error((error as Error).message)
    return 1
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

process.exitCode = await main()
