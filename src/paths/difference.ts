import type { Difference, Unchecked } from '../core/operations/verify.js'
import type { Json } from '../router/values.js'

/** Returns a difference as data. */
export function differenceData(difference: Difference): Record<string, Json> {
  const { what, region, version, subject, expected, found, repairable, nextStep } = difference
  return {
    what,
    region,
    version: version ?? 0,
    subject,
    expected,
    found,
    repairable,
    next_step: nextStep,
  }
}

/** Returns a check that could not be made, as data. */
export function uncheckedData({ error, ...unchecked }: Unchecked): Record<string, Json> {
  const { what, region, version, subject } = unchecked
  return {
    what,
    region,
    version: version ?? 0,
    subject,
    code: error.code,
    reason: error.message,
    next_step: nextStepOf(error),
  }
}

/** Returns a difference as a row of a table. */
export function differenceRow(difference: Difference): Record<string, string> {
  const { expected, found, nextStep } = difference
  return { ...subjectCells(difference), Expected: expected, Found: found, 'Next step': nextStep }
}

/** Returns a check that could not be made, as a row of the same table. */
export function uncheckedRow(unchecked: Unchecked): Record<string, string> {
  const { error } = unchecked
  return {
    ...subjectCells(unchecked),
    Expected: '',
    Found: `not checked: ${error.message}`,
    'Next step': nextStepOf(error),
  }
}

function subjectCells({
  what,
  region,
  version,
  subject,
}: Omit<Unchecked, 'error' | 'what'> & { readonly what: string }): Record<string, string> {
  return {
    Region: region,
    Version: version === undefined ? '' : String(version),
    What: what,
    Subject: subject,
  }
}

function nextStepOf({ hints }: Unchecked['error']): string {
  return hints.length > 0 ? hints.join('; ') : 'run the same command again'
}
