import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { byokScript } from './byok-script.js'
import { distribute, distributeUnderQuotas, memory } from './distribution.js'
import {
  localCommand,
  localCommandWithCrypto,
  localWrite,
  manyKeys,
  settingsFile,
} from './local-commands.js'
import { publishedPackage } from './published-package.js'
import { formatResult, isWithinBound, type NotMeasured, type Result, type Row } from './result.js'
import { sharedStore } from './shared-store.js'

// npm run bench [-- [--json] ROW...]: measures the rows, prints each result next to its bound, and
// exits with 1 if a bound is exceeded or a row fails. Most results are ratios of two things that
// were measured alternately in this run, because machines differ and their load changes.

const ROWS: Readonly<Record<string, Row>> = {
  'local-command': localCommand,
  'with-crypto': localCommandWithCrypto,
  'settings-file': settingsFile,
  'local-write': localWrite,
  'many-keys': manyKeys,
  'shared-store': sharedStore,
  distribute,
  'distribute-quotas': distributeUnderQuotas,
  'byok-script': byokScript,
  package: publishedPackage,
  memory,
}

type Outcome = { readonly row: string } & (Result | NotMeasured | { readonly error: string })

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const unknown = positionals.filter((name) => !Object.hasOwn(ROWS, name))
if (unknown.length > 0)
  throw new Error(`no row is named ${unknown.join(', ')}; rows: ${Object.keys(ROWS).join(', ')}`)

async function* measure(row: string, folder: string): AsyncGenerator<Outcome> {
  try {
    for await (const result of ROWS[row]?.(folder) ?? []) yield { row, ...result }
  } catch (error) {
    yield { row, error: error instanceof Error ? error.message : String(error) }
  }
}

function format(outcome: Outcome): string {
  if ('error' in outcome) return `FAIL  ${outcome.row}: ${outcome.error}`
  if ('notMeasured' in outcome) return `-     ${outcome.row} not measured: ${outcome.notMeasured}`
  return formatResult(outcome.row, outcome)
}

function passed(outcome: Outcome): boolean {
  if ('error' in outcome) return false
  return 'notMeasured' in outcome || isWithinBound(outcome)
}

const outcomes: Outcome[] = []
const folder = mkdtempSync(join(tmpdir(), 'keymgmt-bench-'))
try {
  for (const row of Object.keys(ROWS)) {
    if (positionals.length > 0 && !positionals.includes(row)) continue
    for await (const outcome of measure(row, join(folder, row))) {
      outcomes.push(outcome)
      if (!values.json) console.log(format(outcome))
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (values.json) console.log(JSON.stringify({ node: process.version, outcomes }, null, 2))
process.exitCode = outcomes.every(passed) ? 0 : 1
