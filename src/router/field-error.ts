/**
 * A field does not accept a value. The message follows `field "<name>": ` and never contains a
 * secret.
 */
export class FieldError extends Error {
  override readonly name = 'FieldError'
  readonly hints: readonly string[]

  constructor(message: string, hints: readonly string[] = []) {
    super(message)
    this.hints = hints
  }
}
