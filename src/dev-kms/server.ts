import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsError } from './errors.js'
import { createFaults, type Fault } from './faults.js'
import { readIamPolicy } from './policy.js'
import { AWS_LIMITS, createQuotas, UNLIMITED, type Limits } from './quotas.js'
import { perform, type Service } from './service.js'
import { authenticate, type Credential } from './sigv4.js'
import { createWorld, type World } from './account.js'
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
  /** The clock of the world that is made; a `world` that is given has its own. */
  readonly now?: () => Date
  /**
   * The state to go on with. It is taken and not copied: give `copyWorld(world)` to keep the
   * original as it is.
   */
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
const OWN_POLICY = 'default'
const CONTENT_TYPE = 'application/x-amz-json-1.1'
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
    world: service.world,
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
    world: options.world ?? createWorld(options.now),
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
  const operation =
    /^TrentService\.(\w+)$/.exec(String(request.headers['x-amz-target'] ?? ''))?.[1] ?? ''
  const seen = { operation, region: '', accessKeyId: '', requestId }
  let status = 200
  let answer: object | 'dropped'
  try {
    const body = await readBody(request)
    if (options.latencyMs) await sleep(options.latencyMs)
    assertEndpoint(request)
    const { method = '', url = '/', headers } = request
    const signer = authenticate({ method, url, headers, body }, credentials, service.world.now())
    Object.assign(seen, signer)
    answer = await perform(service, { ...signer, operation, requestId, body })
  } catch (error) {
    const failure =
      error instanceof AwsError
        ? error
        : new AwsError('KMSInternalException', 'the embedded KMS failed', 500)
    status = failure.status
    answer = { __type: failure.name, message: failure.message }
  }
  if (answer === 'dropped') {
    request.socket.destroy()
    return
  }
  options.onRequest?.({
    ...seen,
    status,
    ...(status !== 200 && { error: (answer as { __type: string }).__type }),
  })
  response.writeHead(status, {
    'content-type': CONTENT_TYPE,
    'x-amzn-requestid': requestId,
    date: service.world.now().toUTCString(),
  })
  response.end(JSON.stringify(answer))
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

/** AWS KMS has one place, one method and one type of content. */
function assertEndpoint({ method, url, headers }: IncomingMessage): void {
  const type = headers['content-type']?.split(';')[0]?.trim()
  if (
    headers.authorization !== undefined &&
    (method !== 'POST' || url !== '/' || type !== CONTENT_TYPE)
  ) {
    throw new AwsError(
      'UnknownOperationException',
      `AWS KMS is asked with POST /, as ${CONTENT_TYPE}`,
    )
  }
}
