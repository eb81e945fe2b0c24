import { KMSClient, type KMSClientConfig, type ServiceOutputTypes } from '@aws-sdk/client-kms'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { registerSecrets } from '../../redact.js'
import type { KmsSettings } from '../provider.js'
import type { AwsMiddleware, AwsOutput } from './middleware.js'
import { OPERATIONS, type AwsOperation } from './operations.js'
import { limitResponseSize } from './response-size.js'
import { assertEndpoint, isAwsEndpoint, resolveEndpoint, type ClientOptions } from './settings.js'
import { createTransport, type Transport } from './transport.js'

type Credentials = NonNullable<KMSClientConfig['credentials']>
type UserAgent = NonNullable<KMSClientConfig['customUserAgent']>

/**
 * A client of AWS KMS in `region`. The SDK sends every request once: the retry middleware decides
 * what is repeated. A connection that takes 10 seconds to open, or a response that takes 30, is
 * given up; a response that is too large is refused.
 *
 * Credentials: those of the settings, else the environment, the shared files, the role of the
 * container or instance.
 * @throws KeymgmtError KMS_ENDPOINT_REFUSED
 */
export async function createClient(
  settings: KmsSettings,
  region: string,
  { env, signal, version }: ClientOptions,
): Promise<{ client: KMSClient; endpoint: string; isAws: boolean }> {
  const endpoint = resolveEndpoint(settings, env)
  if (endpoint) assertEndpoint(endpoint.url, endpoint.source)
  const customUserAgent: UserAgent = [version ? ['keymgmt', version] : ['keymgmt']]
  const requestHandler = new AbortableHandler(
    signal,
    await createTransport(env, settings.credentials),
  )
  const client = new KMSClient({
    region,
    credentials: await credentialsOf(settings.credentials, {
      region,
      customUserAgent,
      requestHandler,
    }),
    maxAttempts: 1,
    customUserAgent,
    requestHandler,
    ...(endpoint && { endpoint: endpoint.url }),
  })
  refusePlainHttp(client)
  limitResponseSize(client)
  return {
    client,
    endpoint: endpoint?.url ?? 'aws',
    isAws: endpoint === undefined || isAwsEndpoint(endpoint.url),
  }
}

/** Ends the requests under way when `signal` does, so that no call site has to pass the signal. */
class AbortableHandler extends NodeHttpHandler {
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal, transport: Transport) {
    super({
      connectionTimeout: 10_000,
      requestTimeout: 30_000,
      throwOnRequestTimeout: true,
      ...transport,
    })
    this.#signal = signal
  }

  override handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    return super.handle(request, { ...options, abortSignal: this.#signal })
  }
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
      const send = async (): Promise<AwsOutput> => ({ ...(await next(args)).output })
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

/** The configuration of the clients that look up credentials: STS and SSO. */
interface LookupConfig {
  readonly region: string
  readonly customUserAgent: UserAgent
  readonly requestHandler: NodeHttpHandler
}

async function credentialsOf(
  stored: Readonly<Record<string, string>>,
  { region, ...clientConfig }: LookupConfig,
): Promise<Credentials> {
  const { access_key, secret_key, session_token, profile, role_arn, external_id } = stored
  const base = registering(
    access_key && secret_key
      ? {
          accessKeyId: access_key,
          secretAccessKey: secret_key,
          ...(session_token && { sessionToken: session_token }),
        }
      : // Without a Region: SSO would be asked in it instead of in its own.
        defaultProvider({
          clientConfig,
          ...(profile && { profile }),
        }),
  )
  if (!role_arn) return base
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  return registering(
    fromTemporaryCredentials({
      masterCredentials: base,
      params: {
        RoleArn: role_arn,
        RoleSessionName: 'keymgmt',
        ...(external_id && { ExternalId: external_id }),
      },
      clientConfig: { region, ...clientConfig },
    }),
  )
}

/** Makes errors mask the secret parts of `credentials` as soon as they are known. */
function registering(credentials: Credentials): Credentials {
  const register = <T extends { secretAccessKey: string; sessionToken?: string }>(found: T): T => {
    registerSecrets(found.secretAccessKey, found.sessionToken)
    return found
  }
  if (typeof credentials !== 'function') return register(credentials)
  return async (properties) => register(await credentials(properties))
}
