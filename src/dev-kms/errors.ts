/** An error that AWS KMS would answer. Every client error is a 400 on the wire, whatever the model says. */
export class AwsError extends Error {
  readonly status: number

  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

/** A ValidationException. */
export function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message)
}

/** A KMSInvalidStateException about a key. */
export function invalidState(arn: string, state: string): AwsError {
  return new AwsError('KMSInvalidStateException', `${arn} is ${state}.`)
}
