import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Readable } from 'node:stream'
import { assertEndpoint } from './endpoint.js'
import type { Transport } from './transport.js'

/** Longest time in milliseconds until a response begins, and again until it ends. */
const RESPONSE_TIMEOUT_MS = 30_000
const CONNECTION_TIMEOUT_MS = 10_000

/** Longest time in milliseconds until the response to a request begins. */
export const REQUEST_TIMEOUT_MS = CONNECTION_TIMEOUT_MS + RESPONSE_TIMEOUT_MS

/**
 * Aborts all requests when `signal` aborts, so that no call site has to pass the signal. A request
 * that has its own signal follows only that one. Fails a response that does not end in time; the
 * SDK itself would wait for it.
 */
export class AbortableHandler extends NodeHttpHandler {
  readonly signal: AbortSignal
  readonly #responseTimeoutMs: number

  constructor(signal: AbortSignal, transport: Transport, responseTimeoutMs = RESPONSE_TIMEOUT_MS) {
    super({
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: responseTimeoutMs,
      throwOnRequestTimeout: true,
      ...transport,
    })
    this.signal = signal
    this.#responseTimeoutMs = responseTimeoutMs
  }

  override async handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    try {
      const result = await super.handle(request, {
        ...options,
        abortSignal: options?.abortSignal ?? this.signal,
      })
      endWithin(result.response.body as Readable, this.#responseTimeoutMs)
      return result
    } catch (error) {
      describeAttempts(error)
      throw error
    }
  }
}

/** Fails a response that is not complete after `ms` milliseconds. */
function endWithin(body: Readable, ms: number): void {
  const timer = setTimeout(() => {
    const error = new Error(`the response did not end within ${ms} ms`)
    body.destroy(Object.assign(error, { name: 'TimeoutError' }))
  }, ms).unref()
  // Without a listener, the error of a body that nobody reads would end keymgmt.
  body.on('error', () => undefined)
  body.once('close', () => {
    clearTimeout(timer)
  })
}

/**
 * Adds a message to the error of a host with several addresses. Node.js leaves it empty: the
 * messages are in the errors of the attempts, one for each address.
 */
function describeAttempts(error: unknown): void {
  const failure = (error ?? {}) as Partial<AggregateError>
  if (failure.message === '' && Array.isArray(failure.errors))
    failure.message = failure.errors.map(({ message }: Error) => message).join('; ')
}

/** A request that looks up credentials. */
export interface LookupCall {
  readonly host: string
  readonly path: string
  /** The call of STS, such as AssumeRole. */
  readonly action: string | undefined
}

/** Sends the requests that look up credentials, and remembers the last one for the error. */
export class LookupHandler extends AbortableHandler {
  lastCall: LookupCall | undefined

  /**
   * Checks the endpoint, which the SDK chooses for these requests.
   * @throws KeymgmtError KMS_ENDPOINT_REFUSED
   */
  override async handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    const { protocol, hostname, path } = request
    const body: unknown = request.body
    assertEndpoint(`${protocol}//${hostname}`, 'the AWS configuration')
    const action = typeof body === 'string' ? /^Action=(\w+)/.exec(body)?.[1] : undefined
    this.lastCall = { host: hostname, path, action }
    return super.handle(request, options)
  }
}
