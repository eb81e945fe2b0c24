import { randomUUID } from 'node:crypto'
import type { Outcome } from '../../core/engine.js'
import { KeymgmtError } from '../../errors.js'
import { outcomeData, outcomeLine } from '../../paths/outcome.js'
import type { Terminal } from '../terminal.js'
import { loadFormat, type FormatName } from './index.js'
import { printOptions } from './response.js'

/** Minimum length of a repetition that is replaced by a reference. */
const MIN_REPEATED = 20

/**
 * Returns a function that shortens outcomes: it removes text that is in `read` or in an earlier
 * outcome.
 */
function withoutRepetitions(read: readonly string[]): (outcome: Outcome) => Outcome {
  const seen = [...read]
  return ({ reason, nextStep, ...outcome }) => {
    const shortened =
      reason === undefined || seen.includes(reason) ? undefined : refer(reason, seen)
    const isKnown = nextStep === undefined || seen.some((text) => text.includes(nextStep))
    seen.push(reason ?? '', nextStep ?? '')
    return {
      ...outcome,
      ...(shortened !== undefined && { reason: shortened }),
      ...(!isKnown && { nextStep }),
    }
  }
}

/** Replaces the end of `text` by "as above" if a seen text has the same long end. */
function refer(text: string, seen: readonly string[]): string {
  for (let at = text.indexOf(': '); at >= 0; at = text.indexOf(': ', at + 1)) {
    const end = text.slice(at)
    if (end.length >= MIN_REPEATED && seen.some((other) => other.endsWith(end)))
      return `${text.slice(0, at)}: as above`
  }
  return text
}

/**
 * Prints the outcomes of a command whose error is already printed. A person gets one line on stderr
 * for each outcome that is not done; a program gets all outcomes on stdout.
 */
export async function printFailedOutcomes(
  terminal: Terminal,
  formatName: FormatName,
  outcomes: readonly Outcome[],
  error: unknown,
): Promise<void> {
  // A program finds them in the error if its stdout can't be written.
  const isUnwritable = error instanceof KeymgmtError && error.code === 'OUTPUT_FAILED'
  if (outcomes.length === 0 || isUnwritable) return
  if (formatName === 'table') {
    const shorten = withoutRepetitions(
      error instanceof KeymgmtError ? [error.message, error.hints.join('; ')] : [],
    )
    for (const outcome of outcomes)
      if (outcome.state !== 'done') terminal.err(`  ${outcomeLine(shorten(outcome))}\n`)
    const done = outcomes.filter(({ state }) => state === 'done').length
    terminal.err(`  ${done} of ${outcomes.length} done\n`)
    return
  }
  const format = await loadFormat(formatName)
  const response = {
    requestId: () => randomUUID(),
    data: { outcomes: outcomes.map(outcomeData) },
    warnings: [],
  }
  terminal.out(`${format.secret(response, printOptions(terminal))}\n`)
}
