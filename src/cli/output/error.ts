import { KeymgmtError } from '../../errors.js'
import { PATHS } from '../../paths/index.js'
import { redact } from '../../redact.js'
import type { Json } from '../../router/values.js'
import { pathSegments } from '../../router/pattern.js'
import { showPath } from '../../router/router.js'
import { systemError } from '../system-error.js'
import type { FormatName } from './index.js'
import type { Terminal } from '../terminal.js'

/** The beginning of an error: `Error writing data to keymgmt/key/app`. */
export type Action = string | undefined

/**
 * Returns the action on a path. Omits a path that does not exist, which may be a misplaced secret.
 */
export function actionOn(action: string, path: string, error: unknown): Action {
  const exists = !(error instanceof KeymgmtError && error.code === 'PATH_UNSUPPORTED')
  return `${action} ${exists ? path : showPath(PATHS, pathSegments(path))}`
}

/**
 * Prints an error and its hints, as text or in a machine format. Returns the exit status. Prints no
 * stack unless `KEYMGMT_DEBUG` is set: causes come from libraries, which may repeat their input.
 */
export function printError(
  terminal: Terminal,
  error: unknown,
  action: Action,
  format: FormatName,
): number {
  const known = toKnown(error)
  if (format === 'table') terminal.err(asText(terminal, known, action))
  else terminal.err(`${JSON.stringify({ error: errorData(known, action) }, null, 2)}\n`)
  if (terminal.env.KEYMGMT_DEBUG && error instanceof Error)
    terminal.err(`${redact(error.stack ?? '')}\n`)
  return known.exitStatus
}

function asText(
  { style }: Terminal,
  { message, hints, requestId }: KeymgmtError,
  action: Action,
): string {
  const lines = [style.redBright(action === undefined ? message : `${action}: ${message}`)]
  for (const hint of hints) lines.push(`  hint: ${hint}`)
  if (requestId !== undefined) lines.push(`  AWS request id: ${requestId}`)
  return `${lines.join('\n')}\n`
}

function toKnown(error: unknown): KeymgmtError {
  return error instanceof KeymgmtError ? error : (systemError(error) ?? unexpected(error))
}

/** Returns an error as data. */
export function errorData(error: unknown, action?: Action): Readonly<Record<string, Json>> {
  const { code, message, hints, requestId, exitStatus } = toKnown(error)
  return {
    code,
    message: action === undefined ? message : `${action}: ${message}`,
    hints,
    ...(requestId !== undefined && { aws_request_id: requestId }),
    exit_status: exitStatus,
  }
}

function unexpected(error: unknown): KeymgmtError {
  const { name, code } = error as { name?: string; code?: string }
  return new KeymgmtError('INTERNAL', `unexpected ${code ?? name ?? 'failure'}`, {
    hints: [
      'this is a bug in keymgmt: run the command again with KEYMGMT_DEBUG=1, remove any secrets from its output, and report it',
    ],
    cause: error,
  })
}
