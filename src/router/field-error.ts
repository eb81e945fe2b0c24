/** A raw value cannot become the field's type. The message is the cause as Vault words it. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError'
  readonly hints: readonly string[]

  constructor(message: string, hints: readonly string[] = []) {
    super(message)
    this.hints = hints
  }
}

/**
 * A value of the right type is not one the field allows. The message follows `field "<name>": `.
 */
export class CheckError extends Error {
  override readonly name = 'CheckError'
  readonly hints: readonly string[]

  constructor(message: string, hints: readonly string[] = []) {
    super(message)
    this.hints = hints
  }
}
