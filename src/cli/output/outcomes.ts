import { randomUUID } from 'node:crypto'
import type { Outcome } from '../../core/engine.js'
import { outcomeData, outcomeLine } from '../../paths/outcome.js'
import type { Terminal } from '../terminal.js'
import { loadFormat, type FormatName } from './index.js'
import { printOptions } from './response.js'

/** The outcome without a reason that the error has already shown. */
function unprinted(outcome: Outcome, printed: string): Outcome {
  return outcome.reason === printed ? { ...outcome, reason: undefined } : outcome
}

/**
 * Prints the outcomes of a command that failed. A person gets those that are not done on stderr,
 * one line each; a program gets all of them on stdout. `printed` is the message of the error.
 */
export async function printFailedOutcomes(
  terminal: Terminal,
  formatName: FormatName,
  outcomes: readonly Outcome[],
  printed: string,
): Promise<void> {
  if (outcomes.length === 0) return
  if (formatName === 'table') {
    for (const outcome of outcomes)
      if (outcome.state !== 'done') terminal.err(`  ${outcomeLine(unprinted(outcome, printed))}\n`)
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
