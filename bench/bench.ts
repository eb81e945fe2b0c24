import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MEASUREMENTS, type Measured } from './measurements.js'

// Each number is a ratio of two things that were measured side by side in this very run, for machines are not alike;
// beyond its bound it makes this end with 1.

const asJson = process.argv.includes('--json')
const only = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const home = mkdtempSync(join(tmpdir(), 'keymgmt-bench-'))
const results: (Measured & { readonly name: string; readonly ok: boolean })[] = []
try {
  for (const [name, measure] of Object.entries(MEASUREMENTS)) {
    if (only.length > 0 && !only.includes(name)) continue
    const measured = await measure(join(home, name))
    const ok = measured.bound === undefined || measured.value <= measured.bound
    results.push({ name, ...measured, ok })
    if (!asJson) {
      const bound = measured.bound === undefined ? '' : `  (at most ${measured.bound}${measured.unit})`
      console.log(`${ok ? 'ok  ' : 'OVER'} ${name.padEnd(22)} ${measured.value.toFixed(2)}${measured.unit}${bound}  ${measured.detail}`)
    }
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
if (asJson) console.log(JSON.stringify({ node: process.version, results }, null, 2))
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1
