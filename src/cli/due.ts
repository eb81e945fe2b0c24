import type { Engine } from '../core/engine.js'
import {
  listDue,
  rotateDue,
  type DueKey,
  type DueKeys,
  type RotatedKey,
} from '../core/operations/due.js'
import { KeymgmtError } from '../errors.js'
import type { PlannedCall } from '../kms/planned-call.js'
import { dueData, describeDue } from '../paths/due.js'
import { outcomeData } from '../paths/outcome.js'
import type { Context } from './commands/command.js'
import type { DueFlags } from './commands/due.js'
import { composeEngine } from './engine.js'
import { DEFAULT_TIMEOUT, parseDuration } from './input/duration.js'
import { errorData, printError } from './output/error.js'
import { loadFormat, type Format } from './output/index.js'
import { printFailedOutcomes } from './output/outcomes.js'
import { printResult } from './output/store-report.js'
import { writeWarning } from './terminal.js'

/** Lists the keys that are due, or rotates them. Returns the exit status. */
export async function due(context: Context, flags: DueFlags): Promise<number> {
  const { terminal } = context
  const timeoutMs =
    flags.timeout ?? (terminal.stderrIsTty ? undefined : parseDuration('timeout', DEFAULT_TIMEOUT))
  try {
    if (flags.outputPolicy) {
      const { printCommandPolicy } = await import('./iam-policy.js')
      const resolved = { params: {}, run: rotateAll }
      return await printCommandPolicy(context, { resolved, timeoutMs, format: flags.format })
    }
    const format = await loadFormat(flags.format)
    if (flags.dryRun) return await printPlan(context, format, timeoutMs)
    const notices: string[] = []
    const { engine } = composeEngine(context, {
      timeoutMs,
      notice: (message) => {
        if (format.humanReadable) writeWarning(terminal, `${message}\n`)
        else notices.push(message)
      },
    })
    const found = await listDue(engine)
    return flags.rotate
      ? await rotateAndPrint(context, engine, found, { format, flags, notices })
      : printDue(context, format, found, notices)
  } catch (error) {
    return printError(terminal, error, 'Error listing the keys that are due', flags.format)
  } finally {
    terminal.progress('')
  }
}

/** @throws the first error. */
async function rotateAll(engine: Engine): Promise<void> {
  const { due: keys } = await listDue(engine)
  const failed = (await rotateDue(engine, keys)).find(({ error }) => error !== undefined)
  if (failed) throw failed.error
}

async function printPlan(
  context: Context,
  format: Format,
  timeoutMs: number | undefined,
): Promise<number> {
  const { dryRun, describePlan } = await import('./dry-run.js')
  const calls: PlannedCall[] = []
  await rotateAll(composeEngine(context, { timeoutMs, dryRun: dryRun(calls) }).engine)
  const { data = {}, warnings = [], rows } = describePlan(calls)
  printResult(context.terminal, format, data, warnings, rows)
  return 0
}

/** A list that is not complete ends with another status than a complete one. */
const INCOMPLETE = new KeymgmtError('CHECK_INCOMPLETE', '').exitStatus
const FOUND = new KeymgmtError('CHECK_FAILED', '').exitStatus

function printDue(
  { terminal }: Context,
  format: Format,
  { due: keys, unchecked }: DueKeys,
  notices: readonly string[],
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

function explainUnchecked(unchecked: DueKeys['unchecked']): string[] {
  return unchecked.map(({ path, reason }) => `The record ${path} was not checked: ${reason}`)
}

function rowOf({ name, latestVersion }: DueKey) {
  return { Key: name, Version: String(latestVersion) }
}

/** A rotation, and the way to print it. */
interface Printing {
  readonly format: Format
  readonly flags: DueFlags
  readonly notices: readonly string[]
}

async function rotateAndPrint(
  { terminal }: Context,
  engine: Engine,
  { due: keys, unchecked }: DueKeys,
  { format, flags, notices }: Printing,
): Promise<number> {
  const results = await rotateDue(engine, keys)
  const data = { keys: results.map(rotatedData), unchecked: unchecked.map((each) => ({ ...each })) }
  printResult(
    terminal,
    format,
    data,
    [...notices, ...explainUnchecked(unchecked)],
    results.map((result) => ({ ...rowOf(result.due), Result: describeResult(result) })),
  )
  const failed = results.filter(({ error }) => error !== undefined)
  if (format.humanReadable) {
    for (const { due: key, error, outcomes } of failed) {
      printError(terminal, error, `Error rotating keymgmt/key/${key.name}`, flags.format)
      await printFailedOutcomes(terminal, flags.format, outcomes, error)
    }
  } else if (failed[0]) {
    const names = failed.map(({ due: key }) => key.name).join(', ')
    printError(terminal, failed[0].error, `Error rotating ${names}`, flags.format)
  }
  if (failed.length > 0) return Math.max(...failed.map(({ error }) => statusOf(error)))
  return unchecked.length > 0 ? INCOMPLETE : 0
}

function statusOf(error: unknown): number {
  return error instanceof KeymgmtError ? error.exitStatus : INCOMPLETE
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
