import { KeymgmtError } from '../../errors.js'

/** The command in a hint, where the path is not known. The file's name is FILE. */
const IMPORT_COMMAND = 'keymgmt write …'

/** The error with `command` in its hints. */
export function withImportCommand(error: unknown, command: string): unknown {
  if (!(error instanceof KeymgmtError)) return error
  const hints = error.hints.map((hint) => hint.replaceAll(IMPORT_COMMAND, command))
  return new KeymgmtError(error.code, error.message, { hints, cause: error })
}

/** A hint with a shell command whose output is to be imported. */
export function pipe(command: string): string {
  return `${command} | ${IMPORT_COMMAND} material=-`
}

/** The hint for a PEM whose dashes a word processor has changed. */
export const DASHES_HINT = pipe(
  "restore its dashes: sed -E 's/^[^A-Za-z0-9]*(BEGIN|END) ([A-Z ]+)[^A-Za-z0-9 ]+$/-----\\1 \\2-----/' FILE",
)

/**
 * Returns the only error of an import: FIELD_INVALID, with a description of the material, and hints
 * that say what to do. The message contains only lengths, and names from closed sets. It never
 * contains a part of the input, or the message of OpenSSL or a parser, which may quote the input.
 */
export function invalidMaterial(message: string, ...hints: readonly string[]): KeymgmtError {
  return new KeymgmtError('FIELD_INVALID', message, { hints })
}

/**
 * Returns the result of `parse`. Replaces an error that is not ours by `toError` of its code, and
 * drops its message.
 */
export function wrapError<T>(parse: () => T, toError: (code: string) => KeymgmtError): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof KeymgmtError
      ? error
      : toError((error as NodeJS.ErrnoException).code ?? '')
  }
}
