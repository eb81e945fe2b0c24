import { KeymgmtError } from '../../errors.js'

/**
 * The only error of an import: FIELD_INVALID, with what was found, and hints that say what to do.
 * The message never contains the text of an error of OpenSSL or a parser, which may quote the
 * input, nor any part of the input: only lengths, and names out of closed sets.
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
