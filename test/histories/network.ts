import type { HttpRequest, HttpResponse } from '@smithy/core/protocols'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Fault } from './faults.js'
import type { Process } from './process.js'

/** The faults that the requests of a process meet. */
export interface Faults {
  readonly faultOf: (process: Process) => Fault | undefined
  readonly onMet: (process: Process) => void
}

/** Carries out one request. */
export type Send = (request: HttpRequest) => Promise<{ response: HttpResponse }>

/** The longest time that the SDK waits for a response. */
export const RESPONSE_TIMEOUT_MS = 30_000

/** Makes the SDK's clients of this process of Node.js send their requests here, for good. */
export function installNetwork(sendTo: (request: HttpRequest) => Send): void {
  NodeHttpHandler.prototype.handle = (request, { abortSignal } = {}) =>
    untilAborted(sendTo(request)(request), abortSignal as AbortSignal | undefined)
}

async function untilAborted<T>(exchange: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  let abort: () => void = () => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => {
      reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }))
    }
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort)
  })
  exchange.catch(() => undefined)
  return Promise.race([exchange, aborted]).finally(() => {
    signal?.removeEventListener('abort', abort)
  })
}

export function bytesOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0)
  if (typeof body === 'string') return Buffer.from(body)
  const { buffer, byteOffset, byteLength } = body as Uint8Array
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}

export function networkError(code: string): Error {
  return Object.assign(new Error(code), { code })
}
