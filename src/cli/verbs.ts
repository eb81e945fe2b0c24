import { randomUUID } from 'node:crypto'
import type { Engine } from '../core/engine.js'
import { KeymgmtError } from '../errors.js'
import type { Operation, Response } from '../router/path.js'
import type { Router } from '../router/router.js'
import type { RawValue } from '../router/values.js'
import { goQuote } from '../router/convert.js'
import { formats, printWarnings, selectField, type FormatName, type SecretResponse } from './format/index.js'
import type { Io } from './io.js'

/** One request as it came from the command line. */
export interface VerbRequest {
  readonly path: string
  readonly data: ReadonlyMap<string, RawValue> | null
  readonly format: FormatName
  readonly field?: string | undefined
}

/** What the four verbs need. */
export interface VerbContext {
  readonly io: Io
  readonly router: Router<Engine>
  readonly engine: () => Engine
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
 * Carries out one request and prints its answer; answers the exit status. The answer is all that goes to stdout.
 * @throws KeymgmtError for everything that the request can fail of.
 */
export async function runVerb({ io, router, engine }: VerbContext, operation: Operation, request: VerbRequest): Promise<number> {
  const resolved = router.resolve(operation, request.path, request.data)
  const response = await resolved.run(engine())
  const format = formats[request.format]
  if (format.speaks) printWarnings(io.err, response.warnings ?? [])
  if (operation === 'list') return printList(io, request, response)
  if (operation === 'write' || operation === 'delete') return printDone(io, operation, request, response)
  return printSecret(io, request, response)
}

function printDone(io: Io, operation: 'write' | 'delete', request: VerbRequest, response: Response): number {
  const format = formats[request.format]
  if (!format.speaks && (response.warnings ?? []).length > 0) io.out(`${format.secret(envelope(response), options(io))}\n`)
  if (format.speaks && (request.field === undefined || operation === 'delete')) {
    io.out(`${SUCCESS[operation]} ${request.path}\n`)
  }
  return 0
}

function printList(io: Io, { path, format }: VerbRequest, { data }: Response): number {
  const keys = (data?.keys ?? []) as readonly string[]
  if (keys.length > 0) {
    io.out(`${formats[format].list(keys, options(io))}\n`)
    return 0
  }
  const empty = formats[format].emptyList()
  if (empty === '') io.err(`No value found at ${path}\n`)
  else io.out(`${empty}\n`)
  return 2
}

function printSecret(io: Io, { path, format, field }: VerbRequest, response: Response): number {
  if (response.data === undefined) {
    io.err(`No value found at ${path}\n`)
    return 2
  }
  const secret = envelope(response)
  if (field === undefined) {
    io.out(`${formats[format].secret(secret, options(io))}\n`)
    return 0
  }
  const value = selectField(secret, field)
  if (value === undefined || value === null) throw new KeymgmtError('USAGE', `Field ${goQuote(field)} not present in secret`)
  const text = formats[format].field(value, options(io))
  io.out(endsLine(io) ? `${text}\n` : text)
  return 0
}

function envelope({ data, warnings }: Response): SecretResponse {
  return { requestId: randomUUID(), data: data ?? null, warnings: warnings ?? [] }
}

/** Data goes to a pipe as it is; a terminal would act on what is in it. */
function options({ stdoutIsTty }: Io): { escapeControls: boolean } {
  return { escapeControls: stdoutIsTty }
}

/** Vault's rule for -field: a newline only where a person reads it in colour. */
function endsLine({ stdoutIsTty, env }: Io): boolean {
  return stdoutIsTty && !env.NO_COLOR && env.TERM !== 'dumb'
}
