import { KeymgmtError } from '../../errors.js'
import type { FormatName } from './index.js'
import type { Io } from '../terminal.js'

/** What a command was about when it failed: `Error writing data to keymgmt/key/app`. */
export type Doing = string | undefined

/**
 * Tells the person, or with a machine format the program, what went wrong and what to do; answers
 * the exit status. Never prints a stack unless `KEYMGMT_DEBUG` is set: causes come from libraries,
 * which may repeat what they were given.
 */
export function complain(io: Io, error: unknown, doing: Doing, format: FormatName): number {
  const known = error instanceof KeymgmtError ? error : unexpected(error)
  if (format === 'table') io.err(asText(io, known, doing))
  else io.err(`${JSON.stringify(asJson(known, doing), null, 2)}\n`)
  if (io.env.KEYMGMT_DEBUG && error instanceof Error) io.err(`${error.stack ?? ''}\n`)
  return known.exitStatus
}

function asText({ paint }: Io, { message, hints, requestId }: KeymgmtError, doing: Doing): string {
  const lines = [paint.redBright(doing === undefined ? message : `${doing}: ${message}`)]
  for (const hint of hints) lines.push(`  hint: ${hint}`)
  if (requestId !== undefined) lines.push(`  AWS request id: ${requestId}`)
  return `${lines.join('\n')}\n`
}

function asJson({ code, message, hints, requestId, exitStatus }: KeymgmtError, doing: Doing) {
  return {
    error: {
      code,
      message: doing === undefined ? message : `${doing}: ${message}`,
      hints,
      ...(requestId !== undefined && { aws_request_id: requestId }),
      exit_status: exitStatus,
    },
  }
}

function unexpected(error: unknown): KeymgmtError {
  const { name, code } = error as { name?: string; code?: string }
  return new KeymgmtError('INTERNAL', `unexpected ${code ?? name ?? 'failure'}`, {
    hints: [
      'this is a defect of keymgmt: run it again with KEYMGMT_DEBUG=1 and report what it prints, after reading it for secrets',
    ],
    cause: error,
  })
}
