import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsError } from './errors.js'
import { createFaults, type Fault, type FaultKind } from './faults.js'
import type { Handlers } from './handler.js'
import { aliasHandlers } from './handlers/aliases.js'
import { cryptoHandlers } from './handlers/crypto.js'
import { importHandlers, prepareWrappingKey } from './handlers/import.js'
import { keyHandlers } from './handlers/keys.js'
import { readInput } from './input.js'
import { createQuotas } from './quotas.js'
import { authenticate } from './sigv4.js'
import { createWorld, type World } from './state.js'

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
  /** Secrets by access key id, beside the pair that is made and the one of Vault's documentation. */
  readonly credentials?: Readonly<Record<string, string>>
  /** Session tokens by access key id: a request of that id must carry it. */
  readonly sessionTokens?: Readonly<Record<string, string>>
  readonly latencyMs?: number
  readonly quotas?: 'aws' | 'none'
  readonly faults?: readonly Fault[]
  /** The clock of the world that is made; a `world` that is given has its own. */
  readonly now?: () => Date
  /** The state to go on with. It is taken and not copied: give `copyWorld(world)` to keep the original as it is. */
  readonly world?: World
  readonly onRequest?: (request: DevKmsRequest) => void
}

/** A running embedded KMS. */
export interface DevKms {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** All that it holds; `copyWorld` makes a state of it that other servers can start from. */
  readonly world: World
  close(): Promise<void>
}

/** The example of Vault's documentation, so that it runs as it is written. */
const DOCUMENTED = ['ASIADJO3WTX6WPLJM42V', 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w'] as const

const HANDLERS: ReadonlyMap<string, Handlers[string]> = new Map(
  Object.entries({ ...keyHandlers, ...importHandlers, ...aliasHandlers, ...cryptoHandlers }),
)

interface Service {
  readonly world: World
  readonly options: DevKmsOptions
  readonly secrets: ReadonlyMap<string, string>
  readonly faultOf: (operation: string) => FaultKind | undefined
  readonly withinQuota: (operation: string, region: string) => boolean
}

/** Starts an embedded AWS KMS: in memory, for every Region, on loopback unless told otherwise. */
export async function startDevKms(options: DevKmsOptions = {}): Promise<DevKms> {
  const accessKeyId = `AKIA${randomBytes(10).toString('hex').toUpperCase().slice(0, 16)}`
  const secretAccessKey = randomBytes(30).toString('base64')
  const service: Service = {
    options,
    world: options.world ?? createWorld(options.now),
    secrets: new Map([[accessKeyId, secretAccessKey], DOCUMENTED, ...Object.entries(options.credentials ?? {})]),
    faultOf: createFaults(options.faults ?? []),
    withinQuota: options.quotas === 'aws' ? createQuotas(() => performance.now()) : () => true,
  }
  prepareWrappingKey()
  const server = createServer((request, response) => {
    serve(service, request, response).catch(() => response.destroy())
  })
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    credentials: { accessKeyId, secretAccessKey },
    world: service.world,
    close: () =>
      new Promise((resolve) => {
        server.close(() => { resolve() })
        server.closeAllConnections()
      }),
  }
}

async function serve(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const requestId = randomUUID()
  const operation = /^TrentService\.(\w+)$/.exec(String(request.headers['x-amz-target'] ?? ''))?.[1] ?? ''
  const seen = { operation, region: '', accessKeyId: '', requestId }
  if (service.options.latencyMs) await sleep(service.options.latencyMs)
  let status = 200
  let body: object
  try {
    const signer = authenticate({ method: request.method ?? '', url: request.url ?? '/', headers: request.headers, body: Buffer.concat(chunks) }, service.secrets, service.world.now())
    Object.assign(seen, signer)
    assertSessionToken(service, signer.accessKeyId, request)
    const answer = await perform(service, operation, signer.region, Buffer.concat(chunks))
    if (answer === 'dropped') {
      request.socket.destroy()
      return
    }
    body = answer
  } catch (error) {
    const failure = error instanceof AwsError ? error : new AwsError('KMSInternalException', 'the embedded KMS failed', 500)
    status = failure.status
    body = { __type: failure.name, message: failure.message }
  }
  service.options.onRequest?.({ ...seen, status, ...(status !== 200 && { error: (body as { __type: string }).__type }) })
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId, date: service.world.now().toUTCString() })
  response.end(JSON.stringify(body))
}

function assertSessionToken({ options }: Service, accessKeyId: string, { headers }: IncomingMessage): void {
  const expected = options.sessionTokens?.[accessKeyId]
  if (expected === undefined || headers['x-amz-security-token'] === expected) return
  throw new AwsError('UnrecognizedClientException', 'The security token included in the request is invalid.')
}

/** What each fault does instead of the request; those that are not here act first. */
const INSTEAD: Readonly<Partial<Record<FaultKind, (operation: string) => AwsError>>> = {
  denied: (operation) =>
    new AwsError('AccessDeniedException', `User: arn:aws:iam::111122223333:user/dev is not authorized to perform: kms:${operation} because no identity-based policy allows the kms:${operation} action`),
  throttle: () => throttled(),
  error: () => new AwsError('KMSInternalException', 'The request was rejected because an internal exception occurred. The request can be retried.', 500),
  limit: () => new AwsError('LimitExceededException', 'The request was rejected because a quota was exceeded.'),
  'expired-token': () => new AwsError('ExpiredTokenException', 'The security token included in the request is expired'),
}

function throttled(): AwsError {
  return new AwsError('ThrottlingException', 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.')
}

async function perform({ world, faultOf, withinQuota }: Service, operation: string, region: string, body: Buffer): Promise<object | 'dropped'> {
  const handler = HANDLERS.get(operation)
  if (!handler) throw new AwsError('UnknownOperationException', `${operation} is not an operation of this KMS`)
  if (!withinQuota(operation, region)) throw throttled()
  const fault = faultOf(operation)
  const instead = fault && INSTEAD[fault]
  if (instead) throw instead(operation)
  if (fault === 'drop-before') return 'dropped'
  const answer = await handler({ world, region: world.region(region) }, readInput(parse(body)))
  if (fault === 'error-after') throw new AwsError('KMSInternalException', 'The request was rejected because an internal exception occurred. The request can be retried.', 500)
  return fault === 'drop' ? 'dropped' : answer
}

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body.toString() || '{}')
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>
  } catch {
    // Answered below, as any other body that is no object.
  }
  throw new AwsError('SerializationException', 'the body is not a JSON object')
}
