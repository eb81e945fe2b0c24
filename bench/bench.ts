import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COMPARISONS } from './compared.js'
import { MEASUREMENTS } from './measurements.js'
import type { Measured } from './measuring.js'

// Each number is a ratio of two things that were measured side by side in this very run, for
// machines are not alike; beyond its bound it makes this end with 1.

const asJson = process.argv.includes('--json')
const only = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const home = mkdtempSync(join(tmpdir(), 'keymgmt-bench-'))
const results: (Measured & { readonly name: string; readonly ok: boolean })[] = []
const unmeasured: { readonly name: string; readonly reason: string }[] = []
try {
  for (const [name, measure] of Object.entries({ ...MEASUREMENTS, ...COMPARISONS })) {
    if (only.length > 0 && !only.includes(name)) continue
    const measured = await measure(join(home, name))
    if (typeof measured === 'string') {
      unmeasured.push({ name, reason: measured })
      if (!asJson) console.log(`-    ${name.padEnd(22)} not measured: ${measured}`)
      continue
    }
    const ok = measured.bound === undefined || measured.value <= measured.bound
    results.push({ name, ...measured, ok })
    if (!asJson) {
      const bound =
        measured.bound === undefined ? '' : `  (at most ${measured.bound}${measured.unit})`
      console.log(
        `${ok ? 'ok  ' : 'OVER'} ${name.padEnd(22)} ${measured.value.toFixed(2)}${measured.unit}${bound}  ${measured.detail}`,
      )
    }
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
if (asJson) console.log(JSON.stringify({ node: process.version, results, unmeasured }, null, 2))
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1
