import { randomUUID } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import type { Operation, Response } from '../../router/path.js'
import { quotePlain } from '../../router/quote.js'
import { didYouMean } from '../../suggest.js'
import type { Terminal } from '../terminal.js'
import { selectField, type Format, type PrintOptions, type SecretResponse } from './format.js'

/** The terminal and the format of a response. */
export interface Printer {
  readonly terminal: Terminal
  readonly format: Format
}

/** The request that a response belongs to. */
export interface Printed {
  readonly path: string
  readonly field?: string | undefined
  readonly dryRun?: boolean | undefined
}

const SUCCESS = {
  write: 'Success! Data written to:',
  delete: 'Success! Data deleted (if it existed) at:',
} as const

/**
 * Prints a response to stdout, as Vault does.
 * @throws KeymgmtError USAGE if the response lacks the field.
 */
export function printResponse(
  printer: Printer,
  operation: Operation,
  request: Printed,
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
  { path, field }: Printed,
  response: Response,
): void {
  if (!format.humanReadable && (response.warnings ?? []).length > 0)
    terminal.out(`${format.secret(envelope(response), printOptions(terminal))}\n`)
  if (format.humanReadable && (field === undefined || operation === 'delete')) {
    terminal.out(`${SUCCESS[operation]} ${path}\n`)
  }
}

/**
 * Prints a list, which is an array in every machine format, as in Vault. Its warnings go to stderr
 * as JSON.
 */
function printList(
  { terminal, format }: Printer,
  { path }: Printed,
  { data, warnings = [] }: Response,
): void {
  if (!format.humanReadable && warnings.length > 0)
    terminal.err(`${JSON.stringify({ warnings }, null, 2)}\n`)
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
  { path, field, dryRun }: Printed,
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
    throw new KeymgmtError('USAGE', `Field ${quotePlain(field)} not present in secret`, {
      hints: didYouMean(field, Object.keys(secret.data ?? {})),
    })
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

/**
 * Returns the options for printing. Control characters are escaped only on a terminal, which would
 * act on them.
 */
export function printOptions({ stdoutIsTty, columns }: Terminal): PrintOptions {
  return { escapeControls: stdoutIsTty, columns: columns() }
}

/** True if -field ends with a newline: by Vault's rule, only on a terminal with colours. */
function endsLine({ stdoutIsTty, env }: Terminal): boolean {
  return stdoutIsTty && !env.NO_COLOR && env.TERM !== 'dumb'
}
