import { NodeHttpHandler } from '@smithy/node-http-handler'
import { assertEndpoint } from './endpoint.js'
import type { Transport } from './transport.js'

/** Ends the requests under way when `signal` does, so that no call site has to pass the signal. */
export class AbortableHandler extends NodeHttpHandler {
  readonly signal: AbortSignal

  constructor(signal: AbortSignal, transport: Transport) {
    super({
      connectionTimeout: 10_000,
      requestTimeout: 30_000,
      throwOnRequestTimeout: true,
      ...transport,
    })
    this.signal = signal
  }

  override async handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    try {
      return await super.handle(request, { ...options, abortSignal: this.signal })
    } catch (error) {
      describeAttempts(error)
      throw error
    }
  }
}

/**
 * Gives the error of a host with several addresses a message. Node.js leaves it empty: the messages
 * are in the errors of the attempts, one for each address.
 */
function describeAttempts(error: unknown): void {
  const failure = (error ?? {}) as Partial<AggregateError>
  if (failure.message === '' && Array.isArray(failure.errors))
    failure.message = failure.errors.map(({ message }: Error) => message).join('; ')
}

/** Sends the requests of a lookup of credentials, and remembers the last for the error. */
export class LookupHandler extends AbortableHandler {
  /** Such as `AssumeRole at sts.us-east-1.amazonaws.com`. */
  lastCall: string | undefined

  /**
   * The SDK chooses the endpoint by itself here.
   * @throws KeymgmtError KMS_ENDPOINT_REFUSED
   */
  override async handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    const { protocol, hostname, path } = request
    const body: unknown = request.body
    assertEndpoint(`${protocol}//${hostname}`, 'the AWS configuration')
    const action = typeof body === 'string' ? /^Action=(\w+)/.exec(body)?.[1] : undefined
    this.lastCall = `${action ?? path} at ${hostname}`
    return super.handle(request, options)
  }
}
