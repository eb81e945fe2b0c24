import type { Divergence } from './divergences.js'
import type { Outcome } from './suite.js'

/** What becomes of one check once the known divergences are taken into account. */
export interface Verdict {
  readonly check: string
  readonly kind: 'passed' | 'diverges' | 'failed'
  /** Why it is not `passed`. */
  readonly why: string
}

/** A failure that a row of its target foretells is known; any other one, and a row that foretells none, is a failure. */
export function judge({ check, failure }: Outcome, rows: readonly Divergence[]): Verdict {
  const row = rows.find(({ checks }) => checks.includes(check))
  if (failure === undefined) {
    return row ? { check, kind: 'failed', why: `passes, although a row says: ${row.does}` } : { check, kind: 'passed', why: '' }
  }
  if (row === undefined) return { check, kind: 'failed', why: failure }
  return failure.includes(row.seen) ? { check, kind: 'diverges', why: row.does } : { check, kind: 'failed', why: `fails otherwise than its row says ("${row.seen}"): ${failure}` }
}

/** A failure for each check that a row names and that there is none of. */
export function strayRows(rows: readonly Divergence[], verdicts: readonly Verdict[]): Verdict[] {
  const known = new Set(verdicts.map(({ check }) => check))
  return rows.flatMap(({ checks }) => checks.filter((check) => !known.has(check))).map((check) => ({ check, kind: 'failed', why: 'a row names it, and there is no such check' }))
}

/** How many of each kind, in words. */
export function summary(target: string, verdicts: readonly Verdict[]): string {
  const count = (kind: Verdict['kind']) => verdicts.filter((verdict) => verdict.kind === kind).length
  return `${target}: ${count('passed')} passed, ${count('diverges')} diverge as known, ${count('failed')} failed`
}
