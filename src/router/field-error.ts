import { hidden, quotePlain } from './quote.js'

/**
 * Returns a message about a value. `shown` returns the part of the value that the message may
 * contain.
 */
export type MessageAround = (shown: (value: string) => string) => string

/**
 * Thrown if a field does not accept a value. The message follows `field "<name>": ` and repeats the
 * value only if it is short and plain.
 */
export class FieldError extends Error {
  override readonly name = 'FieldError'
  /** The message for a value from a file, standard input or JSON, which it does not repeat. */
  readonly withoutValue: string
  readonly hints: readonly string[]

  constructor(message: string | MessageAround, hints: readonly string[] = []) {
    const around = typeof message === 'string' ? () => message : message
    super(around(quotePlain))
    this.withoutValue = around(hidden)
    this.hints = hints
  }
}
