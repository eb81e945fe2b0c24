import { hidden, quotePlain } from './quote.js'

/** A message around a value; `shown` returns what the message may say of that value. */
export type MessageAround = (shown: (value: string) => string) => string

/**
 * A field does not accept a value. The message follows `field "<name>": ` and repeats the value
 * only if it is short and plain.
 */
export class FieldError extends Error {
  override readonly name = 'FieldError'
  /** The message for a value that came from a file, standard input or JSON: it repeats nothing. */
  readonly withoutValue: string
  readonly hints: readonly string[]

  constructor(message: string | MessageAround, hints: readonly string[] = []) {
    const around = typeof message === 'string' ? () => message : message
    super(around(quotePlain))
    this.withoutValue = around(hidden)
    this.hints = hints
  }
}
