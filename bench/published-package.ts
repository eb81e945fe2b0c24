import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Result } from './result.js'
import { spreadOf } from './statistics.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Measures the size of the published package.
 * @throws Error if npm would have to install other packages with it.
 */
export function* publishedPackage(): Generator<Result> {
  const manifest = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>
  }
  const dependencies = Object.keys(manifest.dependencies ?? {})
  if (dependencies.length > 0) throw new Error(`the package needs ${dependencies.join(', ')}`)
  const json = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const [packed] = JSON.parse(json) as readonly { size: number; entryCount: number }[]
  yield {
    scenario: 'packed',
    detail: `${packed?.entryCount ?? 0} files, no other packages to install`,
    value: spreadOf([(packed?.size ?? NaN) / 1000]),
    unit: 'kB',
    bound: 500,
  }
}
