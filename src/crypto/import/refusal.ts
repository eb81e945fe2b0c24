import { KeymgmtError } from '../../errors.js'

/**
 * The one way in which an import ends other than well: FIELD_INVALID, with what was found and what
 * is needed, and hints that give the way out. The words are ours alone. What OpenSSL or a parser
 * said is dropped, as it may quote its input, and so is anything out of the input itself; only
 * lengths and names out of closed sets are told.
 */
export function refusal(message: string, ...hints: readonly string[]): KeymgmtError {
  return new KeymgmtError('FIELD_INVALID', message, { hints })
}

/**
 * What `parse` makes of its input; whatever it throws becomes the refusal, and its own words are
 * not kept.
 */
export function orRefuse<T>(parse: () => T, refuse: (code: string) => KeymgmtError): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof KeymgmtError
      ? error
      : refuse((error as NodeJS.ErrnoException).code ?? '')
  }
}
