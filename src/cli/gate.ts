import type { Engine } from '../core/engine.js'
import type { ItemResult } from '../core/operations/one-by-one.js'
import type { UncheckedRecord } from '../core/records/unchecked-record.js'
import { KeymgmtError } from '../errors.js'
import type { PlannedCall } from '../kms/planned-call.js'
import { outcomeData } from '../paths/outcome.js'
import type { Json } from '../router/values.js'
import type { Context } from './commands/command.js'
import type { RequestFlags } from './commands/flags.js'
import { composeEngine } from './engine.js'
import { DEFAULT_TIMEOUT, parseDuration } from './input/duration.js'
import { errorData, printError } from './output/error.js'
import { loadFormat, type Format } from './output/index.js'
import { printFailedOutcomes } from './output/outcomes.js'
import { printResult } from './output/store-report.js'
import { writeWarning } from './terminal.js'

// The commands for cron. Each reads only the records, and lists the work that is due, or does it.

/** The flags that these commands have. */
export type GateFlags = Pick<RequestFlags, 'format' | 'dryRun' | 'outputPolicy' | 'timeout'>

/** A running command, and the way to print its result. */
export interface Gate {
  readonly engine: Engine
  readonly format: Format
  /** The notices, for a program only: a person has already seen them. */
  readonly notices: readonly string[]
}

/** The parts of a command for cron. */
export interface GateCommand {
  /** The beginning of an error, such as `Error listing the keys that are due`. */
  readonly failure: string
  /** Does all of the work, for -dry-run and -output-policy. */
  readonly work: (engine: Engine) => Promise<void>
  /** Runs the command, and returns its exit status. */
  readonly run: (gate: Gate) => Promise<number>
}

/** The exit status of a list that is not complete, and of a complete list that is not empty. */
export const INCOMPLETE = new KeymgmtError('CHECK_INCOMPLETE', '').exitStatus
const FOUND = new KeymgmtError('CHECK_FAILED', '').exitStatus

/** Runs a command for cron, or prints its plan or its policy. Returns the exit status. */
export async function runGate(
  context: Context,
  flags: GateFlags,
  { failure, work, run }: GateCommand,
): Promise<number> {
  const { terminal } = context
  const timeoutMs =
    flags.timeout ?? (terminal.stderrIsTty ? undefined : parseDuration('timeout', DEFAULT_TIMEOUT))
  try {
    if (flags.outputPolicy) {
      const { printCommandPolicy } = await import('./iam-policy.js')
      const resolved = { params: {}, run: work }
      return await printCommandPolicy(context, { resolved, timeoutMs, format: flags.format })
    }
    const format = await loadFormat(flags.format)
    if (flags.dryRun) return await printPlan(context, format, timeoutMs, work)
    const notices: string[] = []
    const { engine } = composeEngine(context, {
      timeoutMs,
      notice: (message) => {
        if (format.humanReadable) writeWarning(terminal, `${message}\n`)
        else notices.push(message)
      },
    })
    return await run({ engine, format, notices })
  } catch (error) {
    return printError(terminal, error, failure, flags.format)
  } finally {
    terminal.progress('')
  }
}

async function printPlan(
  context: Context,
  format: Format,
  timeoutMs: number | undefined,
  work: GateCommand['work'],
): Promise<number> {
  const { dryRun, describePlan } = await import('./dry-run.js')
  const calls: PlannedCall[] = []
  await work(composeEngine(context, { timeoutMs, dryRun: dryRun(calls) }).engine)
  const { data = {}, warnings = [], rows } = describePlan(calls)
  printResult(context.terminal, format, data, warnings, rows)
  return 0
}

/** @throws the first error. */
export function throwFirst(results: readonly Pick<ItemResult<unknown>, 'error'>[]): void {
  const failed = results.find(({ error }) => error !== undefined)
  if (failed) throw failed.error
}

/** Returns a warning for each record that could not be read. */
export function explainUnchecked(unchecked: readonly UncheckedRecord[]): string[] {
  return unchecked.map(({ path, reason }) => `The record ${path} was not checked: ${reason}`)
}

/** What such a command has found in the records. */
export interface Found {
  /** The data for a program, without `unchecked`. */
  readonly data: Readonly<Record<string, Json>>
  /** The table for a person: a row for each item. */
  readonly rows: readonly Readonly<Record<string, string>>[]
  /** The records that could not be read. */
  readonly unchecked: readonly UncheckedRecord[]
}

/** Prints the result, and the records that could not be read. */
export function printFound(
  { terminal }: Context,
  { format, notices }: Gate,
  { data, rows, unchecked }: Found,
): void {
  printResult(
    terminal,
    format,
    { ...data, unchecked: unchecked.map((each) => ({ ...each })) },
    [...notices, ...explainUnchecked(unchecked)],
    rows,
  )
}

/**
 * Prints the result. If it is empty, prints a message for a person instead. Returns the exit
 * status.
 */
export function printList(context: Context, gate: Gate, found: Found, nothing: string): number {
  const { terminal } = context
  printFound(context, gate, found)
  if (gate.format.humanReadable && terminal.stderrIsTty && found.rows.length === 0)
    terminal.err(`${nothing}\n`)
  return statusOfList(found.rows, found.unchecked)
}

/** Returns the exit status of a command that leaves these items. */
export function statusOfList(
  left: readonly unknown[],
  unchecked: readonly UncheckedRecord[],
): number {
  if (unchecked.length > 0) return INCOMPLETE
  return left.length > 0 ? FOUND : 0
}

/** Returns the result of the work on one item, for a program. */
export function resultData({
  outcomes,
  error,
}: Pick<ItemResult<unknown>, 'outcomes' | 'error'>): Record<string, Json> {
  return {
    state: error === undefined ? 'done' : 'failed',
    outcomes: outcomes.map(outcomeData),
    ...(error !== undefined && { error: errorData(error) }),
  }
}

/**
 * Prints the errors of the work and the unfinished outcomes: all errors for a person, only the
 * first for a program. Returns the exit status; 0 without an error.
 */
export async function printFailures<Item>(
  { terminal }: Context,
  { format: { humanReadable } }: Pick<Gate, 'format'>,
  flags: GateFlags,
  results: readonly ItemResult<Item>[],
  /** The beginning of the error about some items, such as `Error rotating app`. */
  actionOn: (items: readonly Item[]) => string,
): Promise<number> {
  const failed = results.filter(({ error }) => error !== undefined)
  if (humanReadable) {
    for (const { item, error, outcomes } of failed) {
      printError(terminal, error, actionOn([item]), flags.format)
      await printFailedOutcomes(terminal, flags.format, outcomes, error)
    }
  } else if (failed[0]) {
    const items = failed.map(({ item }) => item)
    printError(terminal, failed[0].error, actionOn(items), flags.format)
  }
  return Math.max(0, ...failed.map(({ error }) => statusOf(error)))
}

function statusOf(error: unknown): number {
  return error instanceof KeymgmtError ? error.exitStatus : INCOMPLETE
}
