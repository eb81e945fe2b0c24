import { Agent } from 'agent-base'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { once } from 'node:events'
import type { ClientRequest } from 'node:http'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { loadCaBundle } from './ca-bundle.js'
import type { AwsConfiguration } from './configuration.js'
import { chooseProxy, type Env, type Proxy, type Target } from './proxy.js'
import { isLoopback } from './endpoint.js'
import {
  certificateError,
  isCertificateFailure,
  proxyConnectionError,
  proxyRefusal,
  verificationOffError,
} from './transport-errors.js'

/** The agents for the `requestHandler` of an SDK client. */
export interface Transport {
  readonly httpAgent: Agent
  readonly httpsAgent: Agent
}

/** The SDK's own limit. */
const MAX_SOCKETS = 50

/** Less than the SDK's connection timeout of 10 s, whose error does not name the proxy. */
const TUNNEL_TIMEOUT_MS = 9_000

/** More than the SDK's connection timeout: closes connections that no request waits for. */
const DIRECT_TIMEOUT_MS = 11_000

/**
 * Returns the agents for connections to AWS, as the environment configures them for the AWS CLI:
 * `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, `AWS_CA_BUNDLE` and `ca_bundle` of the profile. Use them
 * for every SDK client, and to look up credentials.
 *
 * If the proxy or a certificate fails, the request fails with KeymgmtError PROXY_FAILED or
 * TLS_REFUSED, and nothing was sent.
 * @throws KeymgmtError TLS_REFUSED if the CA bundle can't be used.
 */
export function createTransport(configuration: AwsConfiguration): Transport {
  const bundle = loadCaBundle(configuration)
  const route: Route = {
    env: configuration.env,
    ...(bundle && { secureContext: bundle.secureContext, bundle: bundle.source }),
  }
  return {
    httpAgent: new RoutingAgent('http:', route),
    httpsAgent: new RoutingAgent('https:', route),
  }
}

interface Route {
  readonly env: Env
  readonly secureContext?: SecureContext
  readonly bundle?: string
}

type ConnectOptions = Parameters<Agent['connect']>[1]

/** Opens each connection directly or through a proxy, and returns it after the TLS handshake. */
class RoutingAgent extends Agent {
  readonly #protocol: Target['protocol']
  readonly #route: Route

  constructor(protocol: Target['protocol'], route: Route) {
    super({ keepAlive: true, maxSockets: MAX_SOCKETS })
    this.#protocol = protocol
    this.#route = route
  }

  /** The library would inspect the call stack instead. */
  override isSecureEndpoint(): boolean {
    return this.#protocol === 'https:'
  }

  override async connect(request: ClientRequest, options: ConnectOptions): Promise<Socket> {
    const target = targetOf(this.#protocol, options)
    const { env, bundle } = this.#route
    const proxy = chooseProxy(target, env)
    const tls = tlsOptions(target, this.#route)
    const connectOptions = { ...options, ...tls, path: undefined } as ConnectOptions
    if (proxy) return openTunnel(request, connectOptions, { target, proxy, bundle, tls })
    if (target.protocol === 'http:') return connectPlain(connectOptions as { port: number })
    const socket = connectTls(connectOptions as { port: number })
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('connecting timed out'), { code: 'ETIMEDOUT' }))
    }, DIRECT_TIMEOUT_MS)
    try {
      return await secured(socket)
    } catch (error) {
      throw isCertificateFailure(error) ? certificateError(error, target, { bundle }) : error
    } finally {
      clearTimeout(timer)
    }
  }
}

function targetOf(protocol: Target['protocol'], { host, port }: ConnectOptions): Target {
  return {
    protocol,
    host: (host ?? 'localhost').replace(/^\[|\]$/g, '').toLowerCase(),
    port,
  }
}

/** @throws KeymgmtError TLS_REFUSED if the environment switches verification off. */
function tlsOptions(target: Target, { env, secureContext }: Route) {
  const custom = secureContext && { secureContext }
  if (isLoopback(target.host)) return { ...custom }
  if (target.protocol === 'https:' && env.NODE_TLS_REJECT_UNAUTHORIZED === '0')
    throw verificationOffError(target)
  return { ...custom, rejectUnauthorized: true }
}

/** Resolves when the handshake has succeeded. */
async function secured<S extends Socket>(socket: S): Promise<S> {
  // The other side may end the connection before the request listens for errors.
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  if (socket.destroyed) throw socket.errored ?? new Error('the connection was closed')
  return socket
}

interface Tunnel {
  readonly target: Target
  readonly proxy: Proxy
  readonly bundle: string | undefined
  readonly tls: object
}

async function openTunnel(
  request: ClientRequest,
  options: ConnectOptions,
  { target, proxy, bundle, tls }: Tunnel,
): Promise<Socket> {
  const deadline = new AbortController()
  const timer = setTimeout(() => {
    deadline.abort()
  }, TUNNEL_TIMEOUT_MS)
  let status: number | undefined
  request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => {
    status = statusCode
  })
  // The URL has no credentials, because the library's debug output repeats it.
  const agent = new HttpsProxyAgent(proxy.url, {
    ...tls,
    keepAlive: true,
    signal: deadline.signal,
    ...(proxy.authorization && { headers: { 'Proxy-Authorization': proxy.authorization } }),
  })
  try {
    const socket = await agent.connect(request, options)
    if (status !== 200) {
      socket.destroy()
      throw proxyRefusal(status, target, proxy)
    }
    return target.protocol === 'https:' ? await secured(socket) : socket
  } catch (error) {
    if (isCertificateFailure(error))
      throw certificateError(error, target, { bundle, proxy, ofProxy: status === undefined })
    throw proxyConnectionError(error, target, proxy)
  } finally {
    clearTimeout(timer)
  }
}
