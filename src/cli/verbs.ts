import { randomUUID } from 'node:crypto'
import type { Engine } from '../core/engine.js'
import { KeymgmtError } from '../errors.js'
import type { PlannedCall } from '../kms/planned-call.js'
import type { Operation, Response } from '../router/path.js'
import type { Router } from '../router/router.js'
import type { Json, RawValue } from '../router/values.js'
import { goQuote } from '../router/convert.js'
import { exposedSecrets } from './input/exposed-secrets.js'
import { composeEngine } from './engine.js'
import {
  loadFormat,
  printWarnings,
  selectField,
  type Format,
  type FormatName,
  type PrintOptions,
  type SecretResponse,
} from './output/index.js'
import { warner, type Io } from './terminal.js'

/** One request as it came from the command line. */
export interface VerbRequest {
  readonly path: string
  readonly data: ReadonlyMap<string, RawValue> | null
  /** DATA as it was given, for what of it should not have been. */
  readonly args?: readonly string[]
  readonly format: FormatName
  readonly field?: string | undefined
  readonly timeoutMs?: number | undefined
  /** Whether to say what would be done in AWS, instead of doing it. */
  readonly dryRun?: boolean
  /** Whether to print the least IAM policy for it, instead of doing it. */
  readonly outputPolicy?: boolean
}

/** What the four verbs need. */
export interface VerbContext {
  readonly io: Io
  readonly router: Router<Engine>
  readonly signal: AbortSignal
}

/** How a verb names itself in an error. */
export const DOING: Readonly<Record<Operation, string>> = {
  write: 'Error writing data to',
  read: 'Error reading',
  list: 'Error listing',
  delete: 'Error deleting',
}

const SUCCESS = {
  write: 'Success! Data written to:',
  delete: 'Success! Data deleted (if it existed) at:',
} as const

/**
 * Carries out one request and prints its answer; answers the exit status. The answer is all that
 * goes to stdout.
 * @throws KeymgmtError for everything that the request can fail of.
 */
export async function runVerb(
  { io, router, signal }: VerbContext,
  operation: Operation,
  request: VerbRequest,
): Promise<number> {
  const resolved = router.resolve(operation, request.path, request.data)
  if (request.outputPolicy)
    return (await import('./policy.js')).printCommandPolicy(io, {
      ...request,
      resolved,
      timeoutMs: request.timeoutMs,
      signal,
    })
  const format = await loadFormat(request.format)
  const notices: string[] = []
  if (format.speaks && io.stderrIsTty) {
    const names = exposedSecrets(
      request.args ?? [],
      resolved.path.operations[operation]?.fields ?? {},
    )
    printWarnings(
      warner(io),
      names.map(
        (name) =>
          `${name} was given as an argument: others on this machine can see it, and the shell keeps it. Give it from a file (${name}=@FILE), from standard input (${name}=-) or all of the data as JSON (@FILE or -).`,
      ),
    )
  }
  const calls: PlannedCall[] = []
  const { engine } = composeEngine(io, {
    signal,
    timeoutMs: request.timeoutMs,
    // A program that reads the answer finds them there; a person reads them when they are said.
    notice: (message) => {
      if (format.speaks) warner(io)(`${message}\n`)
      else notices.push(message)
    },
    ...(request.dryRun && { rehearsal: (await import('./dry-run.js')).dryRun(calls) }),
  })
  const answered = await resolved.run(engine).finally(() => {
    io.progress('')
  })
  const response = request.dryRun
    ? (await import('./dry-run.js')).describePlan(calls)
    : { ...answered, warnings: [...notices, ...(answered.warnings ?? [])] }
  if (format.speaks) printWarnings(warner(io), response.warnings ?? [])
  print({ io, format }, operation, request, response)
  return exitStatus(operation, response)
}

function exitStatus(operation: Operation, { data, failed }: Response): number {
  if (failed) return new KeymgmtError('CHECK_FAILED', '').exitStatus
  const nothing =
    operation === 'list'
      ? ((data?.keys as readonly Json[] | undefined) ?? []).length === 0
      : operation === 'read' && data === undefined
  return nothing ? 2 : 0
}

/** Where an answer goes, and how. */
interface Printer {
  readonly io: Io
  readonly format: Format
}

function print(
  printer: Printer,
  operation: Operation,
  request: VerbRequest,
  response: Response,
): void {
  if (operation === 'list') printList(printer, request, response)
  else if (operation === 'read' || response.data !== undefined)
    printSecret(printer, operation, request, response)
  else printDone(printer, operation, request, response)
}

function printDone(
  { io, format }: Printer,
  operation: 'write' | 'delete',
  request: VerbRequest,
  response: Response,
): void {
  if (!format.speaks && (response.warnings ?? []).length > 0)
    io.out(`${format.secret(envelope(response), printOptions(io))}\n`)
  if (format.speaks && (request.field === undefined || operation === 'delete')) {
    io.out(`${SUCCESS[operation]} ${request.path}\n`)
  }
}

function printList({ io, format }: Printer, { path }: VerbRequest, { data }: Response): void {
  const keys = (data?.keys ?? []) as readonly string[]
  if (keys.length > 0) {
    io.out(`${format.list(keys, printOptions(io))}\n`)
    return
  }
  const empty = format.emptyList()
  if (empty === '') io.err(`No value found at ${path}\n`)
  else io.out(`${empty}\n`)
}

function printSecret(
  { io, format }: Printer,
  operation: Operation,
  { path, field, dryRun }: VerbRequest,
  response: Response,
): void {
  if (response.data === undefined) {
    io.err(`No value found at ${path}\n`)
    return
  }
  const secret = envelope(response)
  if (field === undefined) {
    const shown = format.secret(secret, printOptions(io))
    if (shown !== '') io.out(`${shown}\n`)
    else if (!dryRun && (operation === 'write' || operation === 'delete'))
      io.out(`${SUCCESS[operation]} ${path}\n`)
    return
  }
  const value = selectField(secret, field)
  if (value === undefined || value === null)
    throw new KeymgmtError('USAGE', `Field ${goQuote(field)} not present in secret`)
  const text = format.field(value, printOptions(io))
  io.out(endsLine(io) ? `${text}\n` : text)
}

function envelope({ data, warnings, rows }: Response): SecretResponse {
  return {
    requestId: () => randomUUID(),
    data: data ?? null,
    warnings: warnings ?? [],
    ...(rows && { rows }),
  }
}

/** Data goes to a pipe as it is; a terminal would act on what is in it. */
export function printOptions({ stdoutIsTty, columns }: Io): PrintOptions {
  return { escapeControls: stdoutIsTty, columns: columns() }
}

/** Vault's rule for -field: a newline only where a person reads it in colour. */
function endsLine({ stdoutIsTty, env }: Io): boolean {
  return stdoutIsTty && !env.NO_COLOR && env.TERM !== 'dumb'
}
