import type { ServerResponse } from 'node:http'
import { startProxy, type Answer, type Proxy, type ProxyFault } from './proxy.js'

/** The faults of a server of the S3 protocol under load, each as often as the others. */
export interface S3FaultOptions {
  /** The share of the requests that get a fault, from 0 to 1. */
  readonly share: number
  /** The delay of a slow reply, in milliseconds. */
  readonly slowMs: number
  readonly seed?: number
}

/** Starts a proxy to `target` that injects faults: the same ones for the same seed. */
export function startFaultyS3(
  target: string,
  { share, slowMs, seed = 20_261_129 }: S3FaultOptions,
): Promise<Proxy> {
  const faults: readonly ProxyFault[] = [
    { when: 'before', kind: failure(500, 'InternalError') },
    { when: 'after', kind: failure(500, 'InternalError') },
    { when: 'before', kind: failure(503, 'SlowDown') },
    { when: 'before', kind: 'cut' },
    { when: 'after', kind: 'cut' },
    { when: 'after', kind: slowly(slowMs) },
  ]
  const random = createRandom(seed)
  return startProxy(target, () =>
    random() < share ? faults[Math.floor(random() * faults.length)] : undefined,
  )
}

function failure(status: number, code: string) {
  return (response: ServerResponse) => {
    response
      .writeHead(status, { 'content-type': 'application/xml' })
      .end(`<Error><Code>${code}</Code><Message>injected</Message></Error>`)
  }
}

function slowly(ms: number) {
  return (response: ServerResponse, answer: Answer | undefined) => {
    setTimeout(() => {
      response.writeHead(answer?.status ?? 500, answer?.headers).end(answer?.body)
    }, ms)
  }
}

/** Returns numbers from 0 to 1. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}
