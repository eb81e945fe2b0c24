import { randomUUID } from 'node:crypto'
import type { Engine } from '../core/engine.js'
import { KeymgmtError } from '../errors.js'
import type { RehearsedCall } from '../kms/planned-call.js'
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
import { writeWarning, type Terminal } from './terminal.js'

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
  readonly terminal: Terminal
  readonly router: Router<Engine>
  readonly signal: AbortSignal
}

/** How a verb names itself in an error. */
export const ACTIONS: Readonly<Record<Operation, string>> = {
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
  { terminal, router, signal }: VerbContext,
  operation: Operation,
  request: VerbRequest,
): Promise<number> {
  const resolved = router.resolve(operation, request.path, request.data)
  if (request.outputPolicy)
    return (await import('./policy.js')).printCommandPolicy(terminal, {
      ...request,
      resolved,
      timeoutMs: request.timeoutMs,
      signal,
    })
  const format = await loadFormat(request.format)
  const notices: string[] = []
  if (format.humanReadable && terminal.stderrIsTty) {
    const names = exposedSecrets(
      request.args ?? [],
      resolved.path.operations[operation]?.fields ?? {},
    )
    printWarnings(
      (text) => {
        writeWarning(terminal, text)
      },
      names.map(
        (name) =>
          `${name} was given as an argument: others on this machine can see it, and the shell keeps it. Give it from a file (${name}=@FILE), from standard input (${name}=-) or all of the data as JSON (@FILE or -).`,
      ),
    )
  }
  const calls: RehearsedCall[] = []
  const { engine } = composeEngine(terminal, {
    signal,
    timeoutMs: request.timeoutMs,
    // A program that reads the answer finds them there; a person reads them when they are said.
    notice: (message) => {
      if (format.humanReadable) writeWarning(terminal, `${message}\n`)
      else notices.push(message)
    },
    ...(request.dryRun && { rehearsal: (await import('./dry-run.js')).rehearse(calls) }),
  })
  const answered = await resolved.run(engine).finally(() => {
    terminal.progress('')
  })
  const response = request.dryRun
    ? (await import('./dry-run.js')).describeRehearsal(calls)
    : { ...answered, warnings: [...notices, ...(answered.warnings ?? [])] }
  if (format.humanReadable)
    printWarnings((text) => {
      writeWarning(terminal, text)
    }, response.warnings ?? [])
  print({ terminal, format }, operation, request, response)
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
  readonly terminal: Terminal
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
  { terminal, format }: Printer,
  operation: 'write' | 'delete',
  request: VerbRequest,
  response: Response,
): void {
  if (!format.humanReadable && (response.warnings ?? []).length > 0)
    terminal.out(`${format.secret(envelope(response), printOptions(terminal))}\n`)
  if (format.humanReadable && (request.field === undefined || operation === 'delete')) {
    terminal.out(`${SUCCESS[operation]} ${request.path}\n`)
  }
}

function printList({ terminal, format }: Printer, { path }: VerbRequest, { data }: Response): void {
  const keys = (data?.keys ?? []) as readonly string[]
  if (keys.length > 0) {
    terminal.out(`${format.list(keys, printOptions(terminal))}\n`)
    return
  }
  const empty = format.emptyList()
  if (empty === '') terminal.err(`No value found at ${path}\n`)
  else terminal.out(`${empty}\n`)
}

function printSecret(
  { terminal, format }: Printer,
  operation: Operation,
  { path, field, dryRun }: VerbRequest,
  response: Response,
): void {
  if (response.data === undefined) {
    terminal.err(`No value found at ${path}\n`)
    return
  }
  const secret = envelope(response)
  if (field === undefined) {
    const shown = format.secret(secret, printOptions(terminal))
    if (shown !== '') terminal.out(`${shown}\n`)
    else if (!dryRun && (operation === 'write' || operation === 'delete'))
      terminal.out(`${SUCCESS[operation]} ${path}\n`)
    return
  }
  const value = selectField(secret, field)
  if (value === undefined || value === null)
    throw new KeymgmtError('USAGE', `Field ${goQuote(field)} not present in secret`)
  const text = format.field(value, printOptions(terminal))
  terminal.out(endsLine(terminal) ? `${text}\n` : text)
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
export function printOptions({ stdoutIsTty, columns }: Terminal): PrintOptions {
  return { escapeControls: stdoutIsTty, columns: columns() }
}

/** Vault's rule for -field: a newline only where a person reads it in colour. */
function endsLine({ stdoutIsTty, env }: Terminal): boolean {
  return stdoutIsTty && !env.NO_COLOR && env.TERM !== 'dumb'
}
