import { readDetailedStatus } from '../core/operations/detailed-status.js'
import { costOf, detailedStatusData, detailedStatusRows } from '../paths/detailed-status.js'
import type { Context } from './commands/command.js'
import { composeEngine } from './engine.js'
import { explainUnchecked, INCOMPLETE } from './gate.js'
import { loadFormat, type FormatName } from './output/index.js'
import { printResult } from './output/store-report.js'

/** Prints every key, from the records. Returns the exit status. */
export async function printDetailedStatus(
  context: Context,
  formatName: FormatName,
): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName)
  const status = await readDetailedStatus(composeEngine(context).engine)
  const { keys, unchecked } = status
  printResult(
    terminal,
    format,
    detailedStatusData(status),
    explainUnchecked(unchecked),
    detailedStatusRows(keys),
  )
  if (format.humanReadable && keys.length > 0)
    terminal.out(`\nAWS bills $${costOf(keys)} a month for these KMS keys.\n`)
  return unchecked.length > 0 ? INCOMPLETE : 0
}
