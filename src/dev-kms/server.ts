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

/** A request that was answered, for whoever watches. */
export interface DevKmsRequest {
  readonly operation: string
  readonly region: string
  readonly accessKeyId: string
  readonly status: number
  readonly error?: string
  readonly requestId: string
}

/** How the embedded KMS behaves. */
export interface DevKmsOptions {
  readonly host?: string
  /** 0 takes any free one. */
  readonly port?: number
  /**
   * Secrets by access key id, beside the pair that is made and the one of Vault's documentation.
   */
  readonly credentials?: Readonly<Record<string, string>>
  /**
   * Session tokens by access key id: a request of that id must carry it, and one of any other id
   * none.
   */
  readonly sessionTokens?: Readonly<Record<string, string>>
  /** When the credentials of an access key id end: ExpiredTokenException from then on. */
  readonly expirations?: Readonly<Record<string, Date>>
  /**
   * IAM policy documents by access key id, as IAM has them in JSON. `default` is for the pair that
   * is made. An id without a policy may do everything.
   */
  readonly policies?: Readonly<Record<string, unknown>>
  readonly latencyMs?: number
  /** AWS's request quotas, or none. */
  readonly quotas?: 'aws' | 'none'
  /** Other limits on what there may be than AWS's, so that a test can reach them. */
  readonly limits?: Partial<Limits>
  readonly faults?: readonly Fault[]
  /** The clock of the account that the server creates. An `account` has a clock of its own. */
  readonly now?: () => Date
  /** The 12 digits of the account that the server creates. */
  readonly accountId?: string
  /** The account to serve. The server changes it: pass `copyAccount(account)` to keep yours. */
  readonly account?: Account
  readonly onRequest?: (request: DevKmsRequest) => void
}

/** A running embedded KMS. */
export interface DevKms {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** Its state. `copyAccount` copies it, so that another server can start from the copy. */
  readonly account: Account
  close(): Promise<void>
}

/** The example of Vault's documentation, so that it runs as it is written. */
const DOCUMENTED = ['ASIADJO3WTX6WPLJM42V', 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w'] as const
const OWN_POLICY = 'default'
/** More than the largest request of AWS KMS, a CreateKey with a policy, can be. */
const MOST_BODY_BYTES = 1024 * 1024

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
 * Starts an embedded AWS KMS: in memory, for every Region, on loopback unless told otherwise.
 * @throws Error when a policy is none, or the address can't be listened on.
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
  let failure: AwsError | undefined
  let reply: string
  try {
    assertLocal(request)
    const body = await readBody(request)
    seen.operation = protocol.operationOf(request, body)
    if (options.latencyMs) await sleep(options.latencyMs)
    assertForm(request, protocol)
    const { method = '', url = '/', headers } = request
    const signed = { service: protocol.service, method, url, headers, body }
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
  response.writeHead(status, {
    'content-type': protocol.contentType,
    'x-amzn-requestid': requestId,
    date: service.account.now().toUTCString(),
  })
  response.end(reply)
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    // What is too long is read to its end and thrown away: the answer would not arrive before.
    if (size <= MOST_BODY_BYTES) chunks.push(chunk as Buffer)
  }
  if (size > MOST_BODY_BYTES)
    throw new AwsError('RequestEntityTooLargeException', 'The request is too large.', 413)
  return Buffer.concat(chunks)
}
