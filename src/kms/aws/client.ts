import { KMSClient, ListKeysCommand, type ServiceOutputTypes } from '@aws-sdk/client-kms'
import type { STSClient } from '@aws-sdk/client-sts'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import {
  customEndpoint,
  endpointConfig,
  type AwsConfiguration,
  type CustomEndpoint,
} from '../../aws/configuration.js'
import { clientConfig, type Connection } from '../../aws/connection.js'
import { isAwsKms, isLoopback, type ClientOptions } from '../../aws/endpoint.js'
import { AbortableHandler } from '../../aws/handlers.js'
import { KeymgmtError } from '../../errors.js'
import type { KmsEndpoint } from '../provider.js'
import type { AwsMiddleware, AwsOutput } from './middleware.js'
import { OPERATIONS, type AwsOperation } from './operations.js'
import { checkResponses, isFromKms, isFromSts, sendOnce } from './responses.js'

/** The part of a client that takes middleware. */
type Middlewares = Pick<KMSClient, 'middlewareStack'>

/** The clients for one Region. */
export interface Clients {
  readonly kms: KMSClient
  readonly endpoint: KmsEndpoint
  /** Loads and creates the client of STS. */
  readonly sts: () => Promise<STSClient & Middlewares>
}

/**
 * Returns the clients of a provider in `region`. The SDK sends every request once: the retry
 * middleware decides which are repeated. Opening a connection times out after 10 seconds, and a
 * response after 30. A response that is too large is refused.
 * @throws KeymgmtError KMS_ENDPOINT_REFUSED
 */
export async function createClients(
  region: string,
  { configuration, transport, credentials }: Connection,
  options: ClientOptions,
): Promise<Clients> {
  const config = {
    ...clientConfig(configuration, options),
    region,
    credentials,
    maxAttempts: 1,
    requestHandler: new AbortableHandler(options.signal, transport),
    systemClockOffset: options.now ? options.now().getTime() - Date.now() : 0,
  }
  const kms = new KMSClient({
    ...config,
    ...endpointConfig(configuration, 'kms', kmsEndpoint(configuration)),
  })
  checkResponses(kms, isFromKms)
  const url = await endpointOf(kms)
  if (options.now) assertOwnClock(url)
  return {
    kms,
    endpoint: {
      origin: url?.origin ?? 'aws',
      isLoopback: isLoopback(url?.hostname ?? ''),
      isAws: isAwsKms(url?.hostname ?? ''),
    },
    sts: async () => {
      // The SDK's own client for assuming roles is already in the bundle.
      const { STSClient } = await import('@aws-sdk/nested-clients/sts')
      const sts = new STSClient({ ...config, ...endpointConfig(configuration, 'sts') })
      const client = sts as unknown as STSClient & Middlewares
      checkResponses(client, isFromSts)
      return client
    },
  }
}

function kmsEndpoint(configuration: AwsConfiguration): CustomEndpoint | undefined {
  const { stored, env } = configuration
  const { AWS_KMS_ENDPOINT } = env
  if (stored.endpoint) return { url: stored.endpoint, source: 'credentials=endpoint' }
  if (AWS_KMS_ENDPOINT) return { url: AWS_KMS_ENDPOINT, source: 'AWS_KMS_ENDPOINT' }
  return customEndpoint(configuration, 'kms')
}

/**
 * Allows the clock of `keymgmt dev` only for an endpoint on this machine: with a moved clock, real
 * material would expire at the wrong time.
 */
function assertOwnClock(url: URL | undefined): void {
  if (isLoopback(url?.hostname ?? '')) return
  throw new KeymgmtError(
    'KMS_ENDPOINT_REFUSED',
    `the endpoint ${url?.origin ?? 'of AWS'} is not on this machine, and keymgmt dev -clock has moved the clock`,
    { hints: ['use the endpoint of the embedded KMS, or keymgmt dev without -clock'] },
  )
}

/**
 * Returns the endpoint that the SDK chooses; undefined if it finds none. Every request then fails
 * with the reason.
 */
async function endpointOf({ config }: KMSClient): Promise<URL | undefined> {
  const endpoint = getEndpointFromInstructions({}, ListKeysCommand, config)
  return endpoint.then(
    ({ url }) => url,
    () => undefined,
  )
}

/** Sends every request of `client` through the list of middleware, the first one first. */
export function addMiddleware(
  client: Middlewares,
  region: string,
  middleware: readonly AwsMiddleware[],
): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const operation = operationOf(context.commandName)
      const request = { operation, region, input: { ...args.input } }
      const send = () => sendOnce(context, request, async () => ({ ...(await next(args)).output }))
      const pass = middleware.reduceRight<() => Promise<AwsOutput>>(
        (inner, each) => () => each(request, inner),
        send,
      )
      const output = { $metadata: {}, ...(await pass()) } as ServiceOutputTypes
      return { response: undefined, output }
    },
    { step: 'initialize', priority: 'high', name: 'keymgmt' },
  )
}

function operationOf(commandName = ''): AwsOperation {
  const name = commandName.replace(/Command$/, '')
  if (Object.hasOwn(OPERATIONS, name)) return name as AwsOperation
  throw new Error(`${name} has no entry in OPERATIONS`)
}
