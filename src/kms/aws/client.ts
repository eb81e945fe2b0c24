import {
  KMSClient,
  ListKeysCommand,
  type KMSClientConfig,
  type ServiceOutputTypes,
} from '@aws-sdk/client-kms'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import type { KmsSettings } from '../provider.js'
import { credentialsOf } from './credentials.js'
import { AbortableHandler, LookupHandler } from './handlers.js'
import type { AwsMiddleware, AwsOutput } from './middleware.js'
import { OPERATIONS, type AwsOperation } from './operations.js'
import { checkResponses, sendOnce } from './responses.js'
import {
  assertBooleans,
  assertEndpoint,
  isLoopback,
  resolveEndpoint,
  type ClientOptions,
} from './settings.js'
import { createTransport } from './transport.js'

type UserAgent = NonNullable<KMSClientConfig['customUserAgent']>

/**
 * A client of AWS KMS in `region`. The SDK sends every request once: the retry middleware decides
 * what is repeated. A connection that takes 10 seconds to open, or a response that takes 30, is
 * given up; a response that is too large is refused.
 *
 * Credentials: those of the settings, else the environment, the shared files, the role of the
 * container or instance.
 * @throws KeymgmtError KMS_ENDPOINT_REFUSED; FIELD_INVALID for a setting that would be ignored.
 */
export async function createClient(
  settings: KmsSettings,
  region: string,
  options: ClientOptions,
): Promise<{ client: KMSClient; endpoint: string; isLoopback: boolean }> {
  const { env, signal, version } = options
  assertBooleans(env)
  const endpoint = resolveEndpoint(settings, env)
  if (endpoint) assertEndpoint(endpoint.url, endpoint.source)
  const customUserAgent: UserAgent = [version ? ['keymgmt', version] : ['keymgmt']]
  const transport = await createTransport(env, settings.credentials)
  const lookup = {
    region,
    customUserAgent,
    requestHandler: new LookupHandler(signal, transport),
  }
  const client = new KMSClient({
    region,
    credentials: await credentialsOf(settings.credentials, lookup, options),
    maxAttempts: 1,
    customUserAgent,
    requestHandler: new AbortableHandler(signal, transport),
    ...(endpoint && { endpoint: endpoint.url }),
  })
  refusePlainHttp(client)
  checkResponses(client)
  const url = await endpointOf(client)
  return { client, endpoint: url?.origin ?? 'aws', isLoopback: isLoopback(url?.hostname ?? '') }
}

/**
 * The endpoint that the SDK chooses, also from the shared configuration files; undefined if it
 * finds none, in which case every request fails with the reason.
 */
async function endpointOf({ config }: KMSClient): Promise<URL | undefined> {
  const endpoint = getEndpointFromInstructions({}, ListKeysCommand, config)
  return endpoint.then(
    ({ url }) => url,
    () => undefined,
  )
}

/**
 * The SDK also takes an endpoint from the shared configuration files; whatever it took, this sees
 * the request itself.
 */
function refusePlainHttp(client: KMSClient): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { protocol: string; hostname: string }
      assertEndpoint(`${request.protocol}//${request.hostname}`, 'the AWS configuration')
      return next(args)
    },
    { step: 'finalizeRequest', name: 'refusePlainHttp', priority: 'high' },
  )
}

/** Makes every request of `client` pass through `middleware`, from the first to the last. */
export function addMiddleware(
  client: KMSClient,
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
