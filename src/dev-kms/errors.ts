/**
 * An error as AWS KMS returns it. Every client error has HTTP status 400, although AWS's model
 * states other codes for some.
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

/** A ThrottlingException, for a request over its quota. */
export function throttled(): AwsError {
  return new AwsError(
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  )
}

/** A CustomKeyStoreNotFoundException: the embedded KMS has no custom key stores. */
export function customKeyStoreNotFound(store: string): AwsError {
  return new AwsError('CustomKeyStoreNotFoundException', `Custom key store ${store} does not exist`)
}
