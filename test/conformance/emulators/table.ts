import { readFileSync } from 'node:fs'
import type { Divergence } from './divergences.js'

const DOCUMENT = 'docs/conformance.md'

/** The known divergences as a Markdown table. */
export function divergenceTable(rows: readonly Divergence[]): string {
  const lines = rows.map(({ target, operation, does, aws, source, checks }) => `| ${target} | ${operation} | ${does} | ${aws} | ${source} | ${checks.length} |`)
  return ['| target | operation | what it does | what AWS documents | source | checks |', '|---|---|---|---|---|---|', ...lines, ''].join('\n')
}

/** What is wrong when the documentation has another table. */
export function staleTable(rows: readonly Divergence[]): string | undefined {
  return readFileSync(DOCUMENT, 'utf8').includes(divergenceTable(rows)) ? undefined : `${DOCUMENT} has another table than the data: paste what --docs prints`
}
