import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { ServerCertificate } from './certificates.js'

/** A running CONNECT proxy. */
export interface ConnectProxy {
  /** 127.0.0.1:PORT */
  readonly address: string
  /** The target of each CONNECT, as HOST:PORT, in order. */
  readonly targets: string[]
  close(): Promise<void>
}

/** The behaviour of a {@link startConnectProxy}. */
export interface ConnectProxyOptions {
  /** Local port for a target; a target without one gets 502. */
  readonly route: (target: string) => number | undefined
  /** USER:PASSWORD that a client must send; others get 407. */
  readonly credentials?: string
  /** Status for every CONNECT. */
  readonly refuse?: number
  /** Accepts connections and never replies. */
  readonly silent?: boolean
  /** Speaks TLS to its clients. */
  readonly tls?: ServerCertificate
}

/** Starts an HTTP proxy on loopback that supports nothing but CONNECT. */
export async function startConnectProxy(options: ConnectProxyOptions): Promise<ConnectProxy> {
  const targets: string[] = []
  const sockets = new Set<Socket>()
  const server = options.tls ? createTlsServer(options.tls) : createServer()
  server.on('request', (_request, response) => response.writeHead(405).end())
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    const target = request.url ?? ''
    targets.push(target)
    client.on('error', () => undefined)
    if (options.silent) return
    const port = options.route(target)
    const status = statusOf(request, port, options)
    if (status !== 200 || port === undefined) {
      client.end(`HTTP/1.1 ${status} No\r\ncontent-type: text/html\r\n\r\n<h1>Refused</h1>`)
      return
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function statusOf(
  { headers }: IncomingMessage,
  port: number | undefined,
  { refuse, credentials }: ConnectProxyOptions,
): number {
  if (refuse !== undefined) return refuse
  const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`
  if (expected && headers['proxy-authorization'] !== expected) return 407
  return port === undefined ? 502 : 200
}
