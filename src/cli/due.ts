import type { Engine } from '../core/engine.js'
import {
  listDue,
  rotateDue,
  type DueKey,
  type DueKeys,
  type RotatedKey,
} from '../core/operations/due.js'
import { dueData, describeDue } from '../paths/due.js'
import type { Context } from './commands/command.js'
import type { DueFlags } from './commands/due.js'
import {
  printFailures,
  printFound,
  printList,
  resultData,
  runGate,
  statusOfList,
  throwFirst,
  type Gate,
} from './gate.js'

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

function printDue(context: Context, gate: Gate, { due: keys, unchecked }: DueKeys): number {
  const data = { keys: keys.map(dueData) }
  const rows = keys.map((key) => ({ ...rowOf(key), Reason: describeDue(key) }))
  return printList(context, gate, { data, rows, unchecked }, 'No key is due.')
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
  printFound(context, gate, {
    data: { keys: results.map(rotatedData) },
    rows: results.map((result) => ({ ...rowOf(result.due), Result: describeResult(result) })),
    unchecked,
  })
  const items = results.map((result) => ({ ...result, item: result.due.name }))
  const status = await printFailures(context, gate, flags, items, describeFailed)
  return status || statusOfList([], unchecked)
}

function describeFailed(names: readonly string[]): string {
  const [first] = names
  return `Error rotating ${names.length === 1 ? `keymgmt/key/${first}` : names.join(', ')}`
}

function rotatedData(result: RotatedKey) {
  const { due: key, latestVersion } = result
  return { ...dueData(key), latest_version: latestVersion, ...resultData(result) }
}

function describeResult({ due: { latestVersion: before }, latestVersion, error }: RotatedKey) {
  const version = latestVersion === before ? '' : `rotated to version ${latestVersion}`
  if (error !== undefined) return version === '' ? 'failed' : `${version}; the rest failed`
  return version || `up to date with version ${latestVersion}`
}
