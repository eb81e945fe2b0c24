import type { Divergence } from './divergences.js'
import type { Outcome } from './suite.js'

/** The verdict on one check, given the known divergences. */
export interface Verdict {
  readonly check: string
  readonly kind: 'held' | 'diverges' | 'failed'
  /** The reason, unless it `held`. */
  readonly why: string
}

/**
 * A failure that matches a row of its target is known. Any other failure, and a row without a
 * failure, counts as a failure.
 */
export function judge({ check, failure }: Outcome, rows: readonly Divergence[]): Verdict {
  const row = rows.find(({ checks }) => checks.test(check))
  if (failure === undefined) {
    return row
      ? { check, kind: 'failed', why: `holds, although a row says: ${row.does}` }
      : { check, kind: 'held', why: '' }
  }
  if (row === undefined) return { check, kind: 'failed', why: failure }
  if (!failure.includes(row.seen))
    return {
      check,
      kind: 'failed',
      why: `fails otherwise than its row says ("${row.seen}"): ${failure}`,
    }
  return { check, kind: 'diverges', why: row.does }
}

/** Returns a failure for each row that matches no check. */
export function strayRows(rows: readonly Divergence[], verdicts: readonly Verdict[]): Verdict[] {
  return rows
    .filter(({ checks }) => !verdicts.some(({ check }) => checks.test(check)))
    .map(({ checks, does }) => ({
      check: String(checks),
      kind: 'failed',
      why: `there is no such check, although a row says: ${does}`,
    }))
}

/** The number of verdicts of each kind, in words. */
export function summary(name: string, verdicts: readonly Verdict[]): string {
  return `${name}: ${count(verdicts, 'held')} held, ${count(verdicts, 'diverges')} diverge as known, ${count(verdicts, 'failed')} failed`
}

/** The number of verdicts of this kind. */
export function count(verdicts: readonly Verdict[], kind: Verdict['kind']): number {
  return verdicts.filter((verdict) => verdict.kind === kind).length
}

/** The known divergences as the Markdown table of docs/conformance.md. */
export function divergenceTable(rows: readonly Divergence[]): string {
  const lines = rows.map(
    ({ target, operation, does, aws, source }) =>
      `| ${target} | ${operation} | ${does} | ${aws} | ${source} |`,
  )
  return [
    '| target | operation | what it does | what AWS documents | source |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}
