import type { KMSClientConfig } from '@aws-sdk/client-kms'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import {
  doesIdentityRequireRefresh,
  isIdentityExpired,
  memoizeIdentityProvider,
} from '@smithy/core'
import { KeymgmtError } from '../errors.js'
import { registerSecrets } from '../redact.js'
import {
  customEndpoint,
  endpointConfig,
  hasCredentials,
  runsProcess,
  type AwsConfiguration,
} from './configuration.js'
import { readFailure } from './failure.js'
import type { LookupCall, LookupHandler } from './handlers.js'
import { lookupHint } from './hints.js'

/** Credentials, or the function that looks them up. */
export type Credentials = NonNullable<KMSClientConfig['credentials']>
type Lookup = Extract<Credentials, (...args: never[]) => unknown>
type Identity = Awaited<ReturnType<Lookup>>
type ChainOptions = NonNullable<Parameters<typeof defaultProvider>[0]>

/** Lookups by profile: its process runs once for all providers and Regions. */
export type ProcessLookups = Map<string, Lookup>

/** The settings of a connection to AWS. */
export interface ConnectionSettings {
  /** Name of the provider, if the settings are those of a provider. */
  readonly name?: string
  /** AWS Region. */
  readonly region: string
  /** Stored credentials of the provider, by name. If there are none, AWS's chain applies. */
  readonly credentials: Readonly<Record<string, string>>
}

/** The configuration of the clients that look up credentials: STS and SSO. */
export interface LookupConfig extends Pick<
  KMSClientConfig,
  'customUserAgent' | 'useFipsEndpoint' | 'useDualstackEndpoint'
> {
  readonly requestHandler: LookupHandler
}

/**
 * Returns the credentials to sign with: the stored ones, or else those of the environment, the
 * shared files, or the role of the container or instance. Looks them up once, and again before they
 * expire. The handler's signal aborts the lookup.
 *
 * The lookup fails with KeymgmtError KMS_CREDENTIALS, which names the file or the call that failed.
 * @throws KeymgmtError KMS_CREDENTIALS if the environment has only one half of a pair.
 */
export async function createCredentials(
  { region, credentials: stored }: ConnectionSettings,
  configuration: AwsConfiguration,
  config: LookupConfig,
  processes: ProcessLookups,
): Promise<Credentials> {
  const { access_key, secret_key, session_token, role_arn } = stored
  const base =
    pair(access_key, secret_key, session_token) ??
    (await chainOf(stored.profile, region, configuration, config, processes))
  if (typeof base !== 'function' && !role_arn) return registered(base)
  const lookup = role_arn ? await assumeRole(base, stored, region, configuration, config) : base
  return memoized(guard(lookup, config.requestHandler))
}

/**
 * Caches credentials and failures for all clients. The SDK's cache is per client, and has no
 * failures.
 */
function memoized(lookup: Lookup): Lookup {
  const remembering = rememberingFailure(lookup)
  return (
    memoizeIdentityProvider(remembering, isIdentityExpired, doesIdentityRequireRefresh) ??
    remembering
  )
}

/** Milliseconds before a failed lookup is repeated: a lookup may ask the user for something. */
const FAILURE_LASTS_MS = 60_000

function rememberingFailure(lookup: Lookup): Lookup {
  let failed: { readonly error: unknown; readonly at: number } | undefined
  return async (properties) => {
    if (failed && performance.now() - failed.at < FAILURE_LASTS_MS) throw failed.error
    try {
      return await lookup(properties)
    } catch (error) {
      failed = { error, at: performance.now() }
      throw error
    }
  }
}

function pair(
  accessKeyId?: string,
  secretAccessKey?: string,
  sessionToken?: string,
): Identity | undefined {
  if (!accessKeyId || !secretAccessKey) return undefined
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
}

/** Makes errors mask the secret parts of `identity` from now on. */
function registered(identity: Identity): Identity {
  registerSecrets(identity.secretAccessKey, identity.sessionToken)
  return identity
}

/**
 * Returns the credentials from outside the store. If the profile's source fails, does not fall back
 * to the role of the machine, which is another identity.
 */
async function chainOf(
  stored: string | undefined,
  region: string,
  configuration: AwsConfiguration,
  clientConfig: LookupConfig,
  processes: ProcessLookups,
): Promise<Credentials> {
  const ofEnvironment = stored ? undefined : environmentPair(configuration)
  if (ofEnvironment) return ofEnvironment
  const init = {
    ...configuration.files,
    profile: configuration.profile,
    // This Region is not used for SSO, which has its own.
    parentClientConfig: { region },
    clientConfig,
    ...assumersAt(configuration, region, clientConfig),
  }
  if (!hasCredentials(configuration)) return defaultProvider(init)
  const { fromIni } = await import('@aws-sdk/credential-providers')
  if (!runsProcess(configuration)) return fromIni(init)
  const { profile } = configuration
  const lookup = processes.get(profile) ?? memoized(fromIni(init))
  processes.set(profile, lookup)
  return lookup
}

/**
 * Returns the pair of the environment. Refuses half a pair: an unset secret of a CI job is an empty
 * variable.
 */
function environmentPair({ env }: AwsConfiguration): Identity | undefined {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env
  if (Boolean(AWS_ACCESS_KEY_ID) === Boolean(AWS_SECRET_ACCESS_KEY))
    return pair(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)
  const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
  const [set = '', missing = ''] = AWS_ACCESS_KEY_ID ? names : names.reverse()
  throw new KeymgmtError('KMS_CREDENTIALS', `${set} is set, and ${missing} is not`, {
    hints: [`set ${missing} too, or unset ${set}`],
  })
}

/** Assumes the role with the base credentials, in the provider's own Region. */
async function assumeRole(
  base: Credentials,
  { role_arn: RoleArn, external_id: ExternalId }: ConnectionSettings['credentials'],
  region: string,
  configuration: AwsConfiguration,
  config: LookupConfig,
): Promise<Lookup> {
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  const masterCredentials: Lookup =
    typeof base === 'function'
      ? async (properties) => registered(await base(properties))
      : () => Promise.resolve(registered(base))
  const lookup = fromTemporaryCredentials({
    masterCredentials,
    params: { RoleArn, RoleSessionName: 'keymgmt', ...(ExternalId && { ExternalId }) },
    clientConfig: { region, ...config, ...endpointConfig(configuration, 'sts') },
  })
  return () => lookup()
}

/**
 * Returns the functions with which the SDK's chain assumes a role at a custom endpoint. The chain's
 * own functions would ignore that endpoint.
 */
function assumersAt(
  configuration: AwsConfiguration,
  region: string,
  config: LookupConfig,
): Pick<ChainOptions, 'roleAssumer' | 'roleAssumerWithWebIdentity'> {
  if (!customEndpoint(configuration, 'sts')) return {}
  const options = () => ({ region, ...config, ...endpointConfig(configuration, 'sts') })
  const sts = () => import('@aws-sdk/nested-clients/sts')
  return {
    roleAssumer: async (...args) => (await sts()).getDefaultRoleAssumer(options())(...args),
    roleAssumerWithWebIdentity: async (...args) =>
      (await sts()).getDefaultRoleAssumerWithWebIdentity(options())(...args),
  }
}

/** Makes a lookup abort with the signal, and its error name the file or the call. */
function guard(lookup: Credentials, handler: LookupHandler): Lookup {
  return async (properties) => {
    try {
      const found = typeof lookup === 'function' ? lookup(properties) : Promise.resolve(lookup)
      return registered(await untilAborted(handler.signal, found))
    } catch (error) {
      throw handler.signal.aborted ? error : lookupError(error, handler.lastCall)
    }
  }
}

/** Rejects when the signal aborts, because lookups in the SDK take no signal. */
async function untilAborted<T>(signal: AbortSignal, result: Promise<T>): Promise<T> {
  let stop: () => void = () => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })
  return Promise.race([aborted, result]).finally(() => {
    signal.removeEventListener('abort', stop)
  })
}

function lookupError(error: unknown, lastCall: LookupCall | undefined): unknown {
  if (error instanceof KeymgmtError) return error
  const failure = readFailure(error)
  const isReply = failure.status !== undefined
  const call = isReply || failure.code ? lastCall : undefined
  const where = call ? `${call.action ?? call.path} at ${call.host} failed: ` : ''
  const reason = isReply ? `${failure.name}: ${failure.message}` : failure.message || failure.code
  // The SDK's message for the end of its chain. Its "providers" are not keymgmt's providers.
  const found = reason.replace('Could not load credentials from any providers', 'none were found')
  return new KeymgmtError('KMS_CREDENTIALS', `no AWS credentials: ${where}${found}`, {
    hints: [lookupHint(failure, call?.action)],
    requestId: failure.requestId,
    cause: error,
  })
}
