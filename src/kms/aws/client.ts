import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import type { KmsSettings } from '../provider.js'
import { assertEndpoint, isAwsEndpoint, resolveEndpoint } from './settings.js'
import { createTransport } from './transport.js'

type Credentials = NonNullable<KMSClientConfig['credentials']>

/**
 * A client of AWS KMS in `region`. It sends every request once: repeating is decided by {@link
 * createCaller}, which knows what may be repeated. A connection that takes 10 seconds to open, or
 * an answer that takes 30, is given up.
 *
 * Credentials: those of the settings, else the environment, the shared files, the role of the
 * container or instance.
 * @throws KeymgmtError KMS_ENDPOINT_REFUSED
 */
export async function createClient(
  settings: KmsSettings,
  region: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ client: KMSClient; endpoint: string; isAws: boolean }> {
  const endpoint = resolveEndpoint(settings, env)
  if (endpoint) assertEndpoint(endpoint.url, endpoint.source)
  const requestHandler = {
    connectionTimeout: 10_000,
    requestTimeout: 30_000,
    throwOnRequestTimeout: true,
    ...(await createTransport(env, settings.credentials)),
  }
  const client = new KMSClient({
    region,
    credentials: await credentialsOf(settings.credentials, { region, requestHandler }),
    maxAttempts: 1,
    requestHandler,
    ...(endpoint && { endpoint: endpoint.url }),
  })
  refusePlainHttp(client)
  return {
    client,
    endpoint: endpoint?.url ?? 'aws',
    isAws: endpoint === undefined || isAwsEndpoint(endpoint.url),
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

async function credentialsOf(
  stored: Readonly<Record<string, string>>,
  clientConfig: Required<Pick<KMSClientConfig, 'requestHandler'>> & { readonly region: string },
): Promise<Credentials> {
  const { access_key, secret_key, session_token, profile, role_arn, external_id } = stored
  const base: Credentials =
    access_key && secret_key
      ? {
          accessKeyId: access_key,
          secretAccessKey: secret_key,
          ...(session_token && { sessionToken: session_token }),
        }
      : // Without a Region: SSO would be asked in it instead of in its own.
        defaultProvider({
          clientConfig: { requestHandler: clientConfig.requestHandler },
          ...(profile && { profile }),
        })
  if (!role_arn) return base
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  return fromTemporaryCredentials({
    masterCredentials: base,
    params: {
      RoleArn: role_arn,
      RoleSessionName: 'keymgmt',
      ...(external_id && { ExternalId: external_id }),
    },
    clientConfig,
  })
}
