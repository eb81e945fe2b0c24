import type { KMSClient } from '@aws-sdk/client-kms'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openConnection } from '../../../src/aws/connection.js'
import { addMiddleware, createClients } from '../../../src/kms/aws/client.js'
import type { AwsMiddleware } from '../../../src/kms/aws/middleware.js'
import { createRateLimiter } from '../../../src/kms/aws/rate-limiter.js'
import type { Session } from '../../../src/kms/aws/session.js'
import { retryWithin } from '../../../src/kms/aws/retry.js'

/** Plays the service, one request at a time. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Replies with JSON to every request. */
export const reply =
  (status: number, body: unknown): Handler =>
  (_request, response) => {
    response.writeHead(status, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-requestid': 'r-1',
    })
    response.end(JSON.stringify(body))
  }

/** A session with a client of a service on this machine. */
export const sessionWith = (client: KMSClient, region = 'us-west-1'): Session => ({
  region,
  client,
  sts: () => Promise.reject(new Error('not used')),
  endpoint: { origin: 'http://127.0.0.1', isLoopback: true, isAws: false },
  signal: new AbortController().signal,
  settlingMs: 0,
})

/** Clients of services on this machine. */
export interface Services {
  /** A client of a service that `handler` plays, behind `middleware` and the retries. */
  open(
    handler: Handler,
    middleware?: readonly AwsMiddleware[],
    signal?: AbortSignal,
    region?: string,
  ): Promise<KMSClient>
  /** Ends the services. */
  close(): void
}

/** No service is opened yet. */
export function serve(): Services {
  const servers: Server[] = []
  return {
    open: async (
      handler,
      middleware = [],
      signal = new AbortController().signal,
      region = 'us-west-1',
    ) => {
      const server = createServer((request, response) => {
        request.resume()
        handler(request, response)
      })
      servers.push(server)
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve)
      })
      const { port } = server.address() as AddressInfo
      const endpoint = `http://127.0.0.1:${port}`
      const settings = {
        region,
        credentials: { endpoint, access_key: 'A', secret_key: 'B' },
      }
      const options = { env: {}, signal, version: '1.2.3' }
      const connection = await openConnection(settings, options)
      const { kms } = await createClients(settings.region, connection, options)
      const retry = retryWithin(createRateLimiter(false), { signal })
      addMiddleware(kms, settings.region, [...middleware, retry])
      return kms
    },
    close: () => {
      for (const server of servers.splice(0)) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}
