import { KeymgmtError } from '../errors.js'
import type { PlannedCall } from '../kms/planned-call.js'
import { PATHS } from '../paths/index.js'
import { outcomeData } from '../paths/outcome.js'
import type { Operation, Response } from '../router/path.js'
import { createRouter, type Resolved } from '../router/router.js'
import type { Engine, Outcome } from '../core/engine.js'
import type { Json } from '../router/values.js'
import type { Context } from './commands/command.js'
import { noCreateOf, type RequestFlags } from './commands/flags.js'
import { composeEngine } from './engine.js'
import { withArgumentHints } from './input/argument-hints.js'
import { parseData, typedNames } from './input/data.js'
import { DEFAULT_TIMEOUT, parseDuration } from './input/duration.js'
import { exposedSecrets } from './input/exposed-secrets.js'
import { actionOn, printError } from './output/error.js'
import { loadFormat, printWarnings, type Format } from './output/index.js'
import { printFailedOutcomes } from './output/outcomes.js'
import { printResponse } from './output/response.js'
import { missingStoreHint, withStoreHint } from './store-hint.js'
import { writeWarning, type Terminal } from './terminal.js'

/** A request from the command line. */
export interface VerbRequest {
  readonly path: string
  /** DATA, unparsed. */
  readonly args: readonly string[]
  readonly flags: RequestFlags
}

/** The fields of name=value pairs at any path. */
const PAIR_FIELDS: ReadonlySet<string> = new Set(
  PATHS.flatMap(({ operations }) =>
    Object.values(operations).flatMap(({ fields }) =>
      Object.keys(fields).filter((name) => fields[name]?.type === 'keypair'),
    ),
  ),
)

/** The beginning of an error's message. */
const ACTIONS: Readonly<Record<Operation, string>> = {
  write: 'Error writing data to',
  read: 'Error reading',
  list: 'Error listing',
  delete: 'Error deleting',
}

/**
 * Runs one request, and prints the response or the error. Returns the exit status.
 * @throws KeymgmtError USAGE for DATA that is not valid.
 */
export async function runVerb(
  context: Context,
  operation: Operation,
  { path, args, flags }: VerbRequest,
): Promise<number> {
  const { terminal } = context
  const kind = operation === 'delete' ? 'string list' : 'K=V'
  const data = args.length === 0 ? null : await parseData(args, terminal, kind, PAIR_FIELDS)
  const outcomes: Outcome[] = []
  try {
    const resolved = createRouter(PATHS).resolve(operation, path, data, typedNames(args))
    const timeoutMs =
      flags.timeout ??
      (terminal.stderrIsTty ? undefined : parseDuration('timeout', DEFAULT_TIMEOUT))
    if (flags.outputPolicy) {
      const { format } = flags
      const { printCommandPolicy } = await import('./iam-policy.js')
      return await printCommandPolicy(context, { resolved, timeoutMs, format })
    }
    const format = await loadFormat(flags.format)
    if (format.humanReadable && terminal.stderrIsTty)
      warnOfExposure(
        terminal,
        exposedSecrets(args, resolved.path.operations[operation]?.fields ?? {}),
      )
    const response = withResults(
      await respond(context, resolved, {
        format,
        timeoutMs,
        dryRun: flags.dryRun,
        noCreate: noCreateOf(flags),
        outcomes,
      }),
      outcomes,
      { format, field: flags.field },
    )
    if (format.humanReadable) warn(terminal, response.warnings ?? [])
    try {
      printResponse({ terminal, format }, operation, { path, ...flags }, response)
      if (format.humanReadable && flags.field === undefined)
        for (const line of [
          ...(response.created?.lines ?? []),
          ...(response.observed?.lines ?? []),
        ])
          terminal.err(`  ${line}\n`)
    } catch (error) {
      throw flags.dryRun ? error : doneButUnprinted(error, operation, path, response)
    }
    const status = exitStatus(operation, response)
    const isSaid = isNothing(operation, response) && (format.humanReadable || operation === 'read')
    const hint = isSaid ? missingStoreHint(context) : undefined
    if (hint !== undefined) terminal.err(`  hint: ${hint}\n`)
    return status
  } catch (thrown) {
    const error = withStoreHint(withArgumentHints(thrown, args), context)
    // After OUTPUT_FAILED, only the output failed, not the action.
    const standsAlone =
      error instanceof KeymgmtError && ['USAGE', 'OUTPUT_FAILED'].includes(error.code)
    const action = standsAlone ? undefined : actionOn(ACTIONS[operation], path, error)
    const status = printError(terminal, error, action, flags.format)
    await printFailedOutcomes(terminal, flags.format, outcomes, error)
    return status
  }
}

const DONE: Readonly<Partial<Record<Operation, string>>> = {
  write: 'data written to',
  delete: 'data deleted (if it existed) at',
}

/** Returns the error of a command that is done, but whose output could not be written. */
function doneButUnprinted(
  error: unknown,
  operation: Operation,
  path: string,
  { data, created, failed }: Response,
): unknown {
  const returned = data ?? created?.data
  const done = failed ? undefined : DONE[operation]
  if (done === undefined || !(error instanceof KeymgmtError) || error.code !== 'OUTPUT_FAILED')
    return error
  return new KeymgmtError(
    'OUTPUT_FAILED',
    `the command is done (${done} ${path}), but ${error.message}`,
    {
      hints: [
        'do not run the command again: it would do everything a second time',
        ...(returned ? [`the data that it returned: ${JSON.stringify(returned)}`] : []),
      ],
      cause: error,
    },
  )
}

interface RunOptions {
  readonly format: Format
  readonly timeoutMs: number | undefined
  readonly dryRun: boolean | undefined
  readonly noCreate: true | undefined
  /** Receives the outcomes. A dry run has none. */
  readonly outcomes: Outcome[]
}

/**
 * Returns the response with all warnings or, with -dry-run, the calls that the request would make.
 */
async function respond(
  context: Context,
  resolved: Resolved<Engine>,
  { format, timeoutMs, dryRun, noCreate, outcomes }: RunOptions,
): Promise<Response> {
  const { terminal } = context
  const calls: PlannedCall[] = []
  const notices: string[] = []
  const plan = dryRun ? await import('./dry-run.js') : undefined
  const { engine } = composeEngine(context, {
    timeoutMs,
    // A program finds the notices in the response. A person sees each one immediately.
    notice: (message) => {
      if (format.humanReadable) writeWarning(terminal, `${message}\n`)
      else notices.push(message)
    },
    outcome: (outcome) => {
      if (!dryRun) outcomes.push(outcome)
    },
    dryRun: plan?.dryRun(calls),
    noCreate,
  })
  const response = await resolved.run(engine).finally(() => {
    terminal.progress('')
  })
  if (!plan) return { ...response, warnings: [...notices, ...(response.warnings ?? [])] }
  return { ...plan.describePlan(calls), ...(response.observed && { observed: response.observed }) }
}

/**
 * Returns the response with the created KMS keys and the outcomes in its data, for a program or for
 * -field.
 */
function withResults(
  response: Response,
  outcomes: readonly Outcome[],
  { format, field }: { readonly format: Format; readonly field: string | undefined },
): Response {
  const results = {
    ...response.created?.data,
    ...response.observed?.data,
    ...(outcomes.length > 0 && { outcomes: outcomes.map(outcomeData) }),
  }
  const isAsked = field === undefined ? !format.humanReadable : isFieldOf(results, field)
  if (!isAsked || Object.keys(results).length === 0) return response
  return { ...response, data: { ...response.data, ...results } }
}

function isFieldOf(results: object, field: string): boolean {
  return field === 'data' || Object.hasOwn(results, field)
}

function warnOfExposure(terminal: Terminal, names: readonly string[]): void {
  warn(
    terminal,
    names.map(
      (name) =>
        `${name} was passed as an argument: other users of this machine can see it, and the shell saves it. Pass it in a file (${name}=@FILE), on standard input (${name}=-), or pass all of the data as JSON (@FILE or -).`,
    ),
  )
}

function warn(terminal: Terminal, warnings: readonly string[]): void {
  printWarnings((text) => {
    writeWarning(terminal, text)
  }, warnings)
}

function exitStatus(operation: Operation, response: Response): number {
  const { failed, incomplete } = response
  if (incomplete) return new KeymgmtError('CHECK_INCOMPLETE', '').exitStatus
  if (failed) return new KeymgmtError('CHECK_FAILED', '').exitStatus
  return isNothing(operation, response) ? 2 : 0
}

/** True if a read or a list found nothing. */
function isNothing(operation: Operation, { data }: Response): boolean {
  return operation === 'list'
    ? ((data?.keys as readonly Json[] | undefined) ?? []).length === 0
    : operation === 'read' && data === undefined
}
