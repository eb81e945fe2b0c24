import type { Engine } from '../core/engine.js'
import {
  listDue,
  rotateDue,
  type DueKey,
  type DueKeys,
  type RotatedKey,
} from '../core/operations/due.js'
import { dueData, describeDue } from '../paths/due.js'
import { outcomeData } from '../paths/outcome.js'
import type { Context } from './commands/command.js'
import type { DueFlags } from './commands/due.js'
import {
  explainUnchecked,
  FOUND,
  INCOMPLETE,
  printFailures,
  runGate,
  throwFirst,
  type Gate,
} from './gate.js'
import { errorData } from './output/error.js'
import { printResult } from './output/store-report.js'

/** Lists the keys that are due, or rotates them. Returns the exit status. */
export function due(context: Context, flags: DueFlags): Promise<number> {
  return runGate(context, flags, {
    failure: 'Error listing the keys that are due',
    work: async (engine: Engine) => {
      throwFirst(await rotateDue(engine, (await listDue(engine)).due))
    },
    run: async (gate) => {
      const found = await listDue(gate.engine)
      return flags.rotate
        ? await rotateAndPrint(context, gate, found, flags)
        : printDue(context, gate, found)
    },
  })
}

function printDue(
  { terminal }: Context,
  { format, notices }: Gate,
  { due: keys, unchecked }: DueKeys,
): number {
  const data = { keys: keys.map(dueData), unchecked: unchecked.map((each) => ({ ...each })) }
  printResult(
    terminal,
    format,
    data,
    [...notices, ...explainUnchecked(unchecked)],
    keys.map((key) => ({ ...rowOf(key), Reason: describeDue(key) })),
  )
  if (format.humanReadable && terminal.stderrIsTty && keys.length === 0)
    terminal.err('No key is due.\n')
  if (unchecked.length > 0) return INCOMPLETE
  return keys.length > 0 ? FOUND : 0
}

function rowOf({ name, latestVersion }: DueKey) {
  return { Key: name, Version: String(latestVersion) }
}

async function rotateAndPrint(
  context: Context,
  gate: Gate,
  { due: keys, unchecked }: DueKeys,
  flags: DueFlags,
): Promise<number> {
  const results = await rotateDue(gate.engine, keys)
  const data = { keys: results.map(rotatedData), unchecked: unchecked.map((each) => ({ ...each })) }
  printResult(
    context.terminal,
    gate.format,
    data,
    [...gate.notices, ...explainUnchecked(unchecked)],
    results.map((result) => ({ ...rowOf(result.due), Result: describeResult(result) })),
  )
  const items = results.map((result) => ({ ...result, item: result.due.name }))
  const status = await printFailures(context, gate, flags, items, describeFailed)
  return status > 0 || unchecked.length === 0 ? status : INCOMPLETE
}

function describeFailed(names: readonly string[]): string {
  const [first] = names
  return `Error rotating ${names.length === 1 ? `keymgmt/key/${first}` : names.join(', ')}`
}

function rotatedData(result: RotatedKey) {
  const { due: key, latestVersion, outcomes, error } = result
  return {
    ...dueData(key),
    latest_version: latestVersion,
    state: error === undefined ? 'done' : 'failed',
    outcomes: outcomes.map(outcomeData),
    ...(error !== undefined && { error: errorData(error) }),
  }
}

function describeResult({ due: { latestVersion: before }, latestVersion, error }: RotatedKey) {
  const version = latestVersion === before ? '' : `rotated to version ${latestVersion}`
  if (error !== undefined) return version === '' ? 'failed' : `${version}; the rest failed`
  return version || `up to date with version ${latestVersion}`
}
