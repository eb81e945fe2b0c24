import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsError } from './errors.js'
import { createFaults, type Fault } from './faults.js'
import { readIamPolicy } from './policy.js'
import { AWS_LIMITS, createQuotas, UNLIMITED, type Limits } from './quotas.js'
import { assertForm, assertLocal, protocolOf } from './protocols.js'
import type { Service } from './service.js'
import { authenticate, type Credential } from './sigv4.js'
import { createAccount, type Account } from './account.js'
import { prepareWrappingKey } from './wrapping.js'

/** A request and the outcome of its reply, for `onRequest`. */
export interface DevKmsRequest {
  /** Operation of AWS KMS or STS. */
  readonly operation: string
  /** The Region that the request was signed for. */
  readonly region: string
  /** The access key id that signed the request. */
  readonly accessKeyId: string
  /** HTTP status of the reply. */
  readonly status: number
  /** AWS's error code, if the request failed. */
  readonly error?: string
  /** Id of the request, as in the reply. */
  readonly requestId: string
}

/** The options of an embedded KMS. */
export interface DevKmsOptions {
  /** A loopback address. The default is 127.0.0.1. */
  readonly host?: string
  /** Default: 0, any free port. */
  readonly port?: number
  /**
   * Secrets by access key id, in addition to the generated pair and the pair in Vault's
   * documentation.
   */
  readonly credentials?: Readonly<Record<string, string>>
  /**
   * Session tokens by access key id. A request must contain its id's token, or none if the id has
   * none.
   */
  readonly sessionTokens?: Readonly<Record<string, string>>
  /** Expiry dates by access key id. From then on, requests get ExpiredTokenException. */
  readonly expirations?: Readonly<Record<string, Date>>
  /**
   * IAM policy documents (parsed JSON) by access key id. `default` stands for the generated pair.
   * An id without a policy may do everything.
   */
  readonly policies?: Readonly<Record<string, unknown>>
  /** Delay of each reply, in milliseconds. */
  readonly latencyMs?: number
  /**
   * Duration of the states `Creating` and `Updating`, and of a rotation, in milliseconds. The
   * default is 60; AWS takes up to a minute.
   */
  readonly transitionMs?: number
  /** AWS's request quotas, or none (the default). */
  readonly quotas?: 'aws' | 'none'
  /** Limits that replace AWS's, so that a test can reach them. */
  readonly limits?: Partial<Limits>
  /** Faults to inject. */
  readonly faults?: readonly Fault[]
  /** The clock of the account that the server creates. An `account` has its own clock. */
  readonly now?: () => Date
  /** The 12 digits of the account that the server creates. */
  readonly accountId?: string
  /**
   * The account to serve. The server changes it: pass `copyAccount(account)` to keep the original.
   */
  readonly account?: Account
  /** Receives each request, after its reply. */
  readonly onRequest?: (request: DevKmsRequest) => void
}

/** A running embedded KMS. */
export interface DevKms {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string
  /** A pair that the server accepts. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** The state. Another server can start from a copy (`copyAccount`). */
  readonly account: Account
  /** Stops the server. */
  close(): Promise<void>
}

/** The pair in Vault's documentation, so that its example works unchanged. */
const DOCUMENTED = ['ASIADJO3WTX6WPLJM42V', 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w'] as const
const OWN_POLICY = 'default'
/** Larger than any valid request to AWS KMS. */
const MOST_BODY_BYTES = 1024 * 1024

/** The default duration of transitions. Tests don't wait as long as in AWS. */
const TRANSITION_MS = 60

interface Pair {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

interface Listener {
  readonly service: Service
  readonly options: DevKmsOptions
  readonly credentials: ReadonlyMap<string, Credential>
}

/**
 * Starts an embedded AWS KMS, in memory and for every Region. It listens on 127.0.0.1 by default.
 * @throws Error if a policy is invalid, or the server can't listen on the address
 */
export async function startDevKms(options: DevKmsOptions = {}): Promise<DevKms> {
  const pair: Pair = {
    accessKeyId: `AKIA${randomBytes(10).toString('hex').toUpperCase().slice(0, 16)}`,
    secretAccessKey: randomBytes(30).toString('base64'),
  }
  const service = createService(options, pair)
  const listener: Listener = { service, options, credentials: readCredentials(options, pair) }
  prepareWrappingKey()
  const server = createServer((request, response) => {
    serve(listener, request, response).catch(() => response.destroy())
  })
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    credentials: pair,
    account: service.account,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

function createService(options: DevKmsOptions, { accessKeyId }: Pair): Service {
  const policies = Object.entries(options.policies ?? {}).map(
    ([id, document]) => [id === OWN_POLICY ? accessKeyId : id, readIamPolicy(document)] as const,
  )
  return {
    account: options.account ?? createAccount(options.now, options.accountId),
    quotas: options.quotas === 'aws' ? createQuotas(() => performance.now()) : UNLIMITED,
    limits: { ...AWS_LIMITS, ...options.limits },
    transitionMs: options.transitionMs ?? TRANSITION_MS,
    policies: new Map(policies),
    faultOf: createFaults(options.faults ?? []),
  }
}

function readCredentials(
  { credentials = {}, sessionTokens = {}, expirations = {} }: DevKmsOptions,
  pair: Pair,
): ReadonlyMap<string, Credential> {
  const secrets = [
    [pair.accessKeyId, pair.secretAccessKey] as const,
    DOCUMENTED,
    ...Object.entries(credentials),
  ]
  return new Map(
    secrets.map(([id, secret]) => [
      id,
      { secret, sessionToken: sessionTokens[id], expiresAt: expirations[id] },
    ]),
  )
}

async function serve(
  { service, options, credentials }: Listener,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const requestId = randomUUID()
  const protocol = protocolOf(request)
  const seen = { operation: '', region: '', accessKeyId: '', requestId }
  const headers: Record<string, string> = {
    'content-type': protocol.contentType,
    'x-amzn-requestid': requestId,
  }
  let failure: AwsError | undefined
  let reply: string
  try {
    headers.date = timeOf(service.account).toUTCString()
    assertLocal(request)
    const body = await readBody(request)
    seen.operation = protocol.operationOf(request, body)
    if (options.latencyMs) await sleep(options.latencyMs)
    assertForm(request, protocol)
    const { method = '', url = '/' } = request
    const signed = { service: protocol.service, method, url, headers: request.headers, body }
    const signer = authenticate(signed, credentials, service.account.now())
    Object.assign(seen, signer)
    reply = await protocol.reply(service, { ...signer, operation: seen.operation, requestId, body })
  } catch (error) {
    failure =
      error instanceof AwsError
        ? error
        : new AwsError('KMSInternalException', 'the embedded KMS failed', 500)
    reply = protocol.failure(failure, requestId)
  }
  if (reply === 'dropped') {
    request.socket.destroy()
    return
  }
  const status = failure?.status ?? 200
  options.onRequest?.({ ...seen, status, ...(failure && { error: failure.name }) })
  response.writeHead(status, headers)
  response.end(reply)
}

/** The time in the account. If the clock can't be read, the request fails for that reason. */
function timeOf({ now }: Account): Date {
  try {
    return now()
  } catch (cause) {
    throw new AwsError('KMSInternalException', (cause as Error).message, 500)
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    // An oversized body is read to its end, and discarded, because a client reads the reply only
    // then.
    if (size <= MOST_BODY_BYTES) chunks.push(chunk as Buffer)
  }
  if (size > MOST_BODY_BYTES)
    throw new AwsError('RequestEntityTooLargeException', 'The request is too large.', 413)
  return Buffer.concat(chunks)
}
