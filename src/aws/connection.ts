import type { KMSClientConfig } from '@aws-sdk/client-kms'
import { isSet, readConfiguration, type AwsConfiguration } from './configuration.js'
import {
  createCredentials,
  type ConnectionSettings,
  type Credentials,
  type ProcessLookups,
} from './credentials.js'
import type { ClientOptions } from './endpoint.js'
import { LookupHandler } from './handlers.js'
import { createTransport, type Transport } from './transport.js'

/** The parts that the clients of one service share in all Regions. */
export interface Connection {
  readonly configuration: AwsConfiguration
  readonly transport: Transport
  readonly credentials: Credentials
}

/** The part of an SDK client's configuration that is the same for every service. */
export type ClientConfig = Pick<
  KMSClientConfig,
  'customUserAgent' | 'useFipsEndpoint' | 'useDualstackEndpoint' | 'ignoreConfiguredEndpointUrls'
>

/**
 * Opens a connection with the AWS configuration. The first request looks up the credentials: those
 * of the settings, or else of the environment, the shared files, or the role of the container or
 * instance.
 * @throws KeymgmtError KMS_CREDENTIALS for a profile that does not exist; FIELD_INVALID for a
 * setting that would be ignored; TLS_REFUSED if the CA bundle can't be used.
 */
export async function openConnection(
  settings: ConnectionSettings,
  options: ClientOptions,
  processes: ProcessLookups = new Map(),
): Promise<Connection> {
  const configuration = await readConfiguration(options.env, settings.credentials)
  const transport = createTransport(configuration)
  const config = clientConfig(configuration, options)
  const handler = new LookupHandler(options.signal, transport)
  const lookupConfig = { ...config, requestHandler: handler }
  const credentials = await createCredentials(settings, configuration, lookupConfig, processes)
  return { configuration, transport, credentials }
}

/**
 * Returns the configuration of every SDK client. Sets the two flags and the endpoint explicitly,
 * because the SDK ignores some of their values, and the endpoints of a stored profile.
 */
export function clientConfig(
  configuration: AwsConfiguration,
  { version }: Pick<ClientOptions, 'version'>,
): ClientConfig {
  return {
    customUserAgent: [version ? ['keymgmt', version] : ['keymgmt']],
    useFipsEndpoint: isSet(configuration, 'use_fips_endpoint'),
    useDualstackEndpoint: isSet(configuration, 'use_dualstack_endpoint'),
    ignoreConfiguredEndpointUrls: true,
  }
}
