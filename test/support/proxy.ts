import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A fault that the proxy injects: instead of forwarding a request, or instead of returning the
 * reply to a request that the KMS carried out.
 */
export interface ProxyFault {
  readonly when: 'before' | 'after'
  /** `cut` closes the connection without a reply. A function replies instead of the KMS. */
  readonly kind: 'cut' | '500' | 'throttle' | Replacement
}

/** Writes a reply. `answer` is the KMS's own reply, if the request was forwarded. */
export type Replacement = (response: ServerResponse, answer: Answer | undefined) => void

/** A proxy between a client and a KMS. */
export interface Proxy {
  readonly endpoint: string
  /** The number of requests received. */
  readonly count: () => number
  /**
   * Stops accepting requests, and resolves when all received ones have been carried out, including
   * those whose client is gone.
   */
  close(): Promise<void>
}

const ANSWERS = {
  500: [
    500,
    'KMSInternalException',
    'The request was rejected because an internal exception occurred. The request can be retried.',
  ],
  throttle: [
    400,
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  ],
} as const

/**
 * Starts a proxy to `target`. `faultAt` chooses the fault of each request by its number, from 1 on,
 * its operation of AWS KMS or its method.
 * `onFault` is called as a fault is injected.
 */
export async function startProxy(
  target: string,
  faultAt: (number: number, operation: string, method: string) => ProxyFault | undefined,
  onFault: () => void = () => undefined,
): Promise<Proxy> {
  let count = 0
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
    const fault = faultAt(++count, operation, request.method ?? '')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const answer =
      fault?.when === 'before' ? undefined : await forward(target, request, Buffer.concat(chunks))
    if (fault) {
      onFault()
      inject(fault, response, answer)
    } else if (answer) response.writeHead(answer.status, answer.headers).end(answer.body)
  }
  const underWay = new Set<Promise<void>>()
  const server = createServer((request, response) => {
    const served = serve(request, response)
      .catch(() => {
        response.destroy()
      })
      .finally(() => underWay.delete(served))
    underWay.add(served)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => count,
    close: async () => {
      if (!server.listening) return
      // A killed client's last request may not have been read yet. Its connection ends after that.
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
      await Promise.all(underWay)
    },
  }
}

function inject({ kind }: ProxyFault, response: ServerResponse, answer: Answer | undefined): void {
  if (typeof kind === 'function') {
    kind(response, answer)
    return
  }
  if (kind === 'cut') {
    response.socket?.destroy()
    return
  }
  const [status, name, message] = ANSWERS[kind]
  response
    .writeHead(status, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-requestid': 'example',
    })
    .end(JSON.stringify({ __type: name, message }))
}

/** A reply of the KMS. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** Keeps the headers: the signature covers the host that the client called. */
function forward(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = send(new URL(url ?? '/', target), { method, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks),
        })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
