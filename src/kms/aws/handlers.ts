import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Transport } from './transport.js'

/** Ends the requests under way when `signal` does, so that no call site has to pass the signal. */
export class AbortableHandler extends NodeHttpHandler {
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal, transport: Transport) {
    super({
      connectionTimeout: 10_000,
      requestTimeout: 30_000,
      throwOnRequestTimeout: true,
      ...transport,
    })
    this.#signal = signal
  }

  override handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    return super.handle(request, { ...options, abortSignal: this.#signal })
  }
}

/** Sends the requests of a lookup of credentials, and remembers the last for the error. */
export class LookupHandler extends AbortableHandler {
  /** Such as `AssumeRole at sts.us-east-1.amazonaws.com`. */
  lastCall: string | undefined

  override handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    const body: unknown = request.body
    const action = typeof body === 'string' ? /^Action=(\w+)/.exec(body)?.[1] : undefined
    this.lastCall = `${action ?? request.path} at ${request.hostname}`
    return super.handle(request, options)
  }
}
