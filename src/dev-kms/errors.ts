/**
 * An error that AWS KMS would answer. Every client error is a 400 on the wire, whatever the model
 * says.
 */
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

/** An UnsupportedOperationException. */
export function unsupported(message: string): AwsError {
  return new AwsError('UnsupportedOperationException', message)
}

/** A NotFoundException. */
export function notFound(message: string): AwsError {
  return new AwsError('NotFoundException', message)
}

/** AWS's answer to a request over its quota. */
export function throttled(): AwsError {
  return new AwsError(
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  )
}
