import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What is done to a request: nothing, or something in its stead, or to its answer once it was
 * carried out.
 */
export interface Strike {
  readonly when: 'before' | 'after'
  /** `cut` closes the connection, without a word. A function replies in the KMS's place. */
  readonly kind: 'cut' | '500' | 'throttle' | Replacement
}

/** Replies itself; `answer` is the KMS's own reply, if it was asked. */
export type Replacement = (response: ServerResponse, answer: Answer | undefined) => void

/** A proxy between a client and a KMS. */
export interface Proxy {
  readonly endpoint: string
  /** How many requests have come. */
  readonly count: () => number
  /**
   * Resolves when everything that was asked has been carried out, also what nobody waits for any
   * more; nothing is taken after that.
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
 * Starts a proxy to `target` that asks `strikeAt` about each request, by its number from 1 on, what
 * to do to it, and tells `onStrike` in the moment when it does it.
 */
export async function startProxy(
  target: string,
  strikeAt: (number: number, operation: string) => Strike | undefined,
  onStrike: () => void = () => undefined,
): Promise<Proxy> {
  let count = 0
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
    const strike = strikeAt(++count, operation)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const answer =
      strike?.when === 'before' ? undefined : await forward(target, request, Buffer.concat(chunks))
    if (strike) {
      onStrike()
      act(strike, response, answer)
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
      // What a client that was killed has sent may not have been read yet: its connections end when
      // it has been.
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
      await Promise.all(underWay)
    },
  }
}

function act({ kind }: Strike, response: ServerResponse, answer: Answer | undefined): void {
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

/** The headers go on as they came: the signature covers the host that the client has called. */
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
