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
  hasCredentials,
  runsProcess,
  type AwsConfiguration,
} from './configuration.js'
import { assertEndpoint } from './endpoint.js'
import { readFailure } from './failure.js'
import type { LookupCall, LookupHandler } from './handlers.js'
import { lookupHint } from './hints.js'

/** Credentials, or the function that looks them up. */
export type Credentials = NonNullable<KMSClientConfig['credentials']>
type Lookup = Extract<Credentials, (...args: never[]) => unknown>
type Identity = Awaited<ReturnType<Lookup>>

/** By profile: its process runs once for all providers and Regions. */
export type ProcessLookups = Map<string, Lookup>

/** The settings of a connection to AWS. */
export interface ConnectionSettings {
  /** Name of the provider that they are of, if they are a provider's. */
  readonly name?: string
  /** AWS Region. */
  readonly region: string
  /** Stored credentials by name, as a provider has them. Without any, AWS's chain applies. */
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
 * The credentials to sign with: the stored ones, else those of the environment, of the shared
 * files, or of the role of the container or instance. They are looked up once, and again before
 * they expire. The lookup ends with the handler's signal.
 *
 * The lookup fails with KeymgmtError KMS_CREDENTIALS, which names the file or the call that failed.
 * @throws KeymgmtError KMS_CREDENTIALS if the environment has one half of a pair.
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

/** The SDK would memoize too, but once for each client, and not a failure. */
function memoized(lookup: Lookup): Lookup {
  const remembering = rememberingFailure(lookup)
  return (
    memoizeIdentityProvider(remembering, isIdentityExpired, doesIdentityRequireRefresh) ??
    remembering
  )
}

/** A lookup can ask a person for something. One that failed is not repeated for this time. */
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
 * The credentials outside of the store. A profile whose source fails is not replaced by the role of
 * the machine: that would be somebody else.
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
    // Not the Region of SSO, which is asked in its own.
    parentClientConfig: { region },
    clientConfig,
  }
  if (!hasCredentials(configuration)) return defaultProvider(init)
  const { fromIni } = await import('@aws-sdk/credential-providers')
  if (!runsProcess(configuration)) return fromIni(init)
  const { profile } = configuration
  const lookup = processes.get(profile) ?? memoized(fromIni(init))
  processes.set(profile, lookup)
  return lookup
}

/** An unset secret of a CI job is an empty variable: one half of a pair is a mistake. */
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

/** The session of a role that the base credentials assume, in the provider's own Region. */
async function assumeRole(
  base: Credentials,
  { role_arn: RoleArn, external_id: ExternalId }: ConnectionSettings['credentials'],
  region: string,
  configuration: AwsConfiguration,
  config: LookupConfig,
): Promise<Lookup> {
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  const endpoint = customEndpoint(configuration, 'sts')
  if (endpoint) assertEndpoint(endpoint.url, endpoint.source)
  const masterCredentials: Lookup =
    typeof base === 'function'
      ? async (properties) => registered(await base(properties))
      : () => Promise.resolve(registered(base))
  const lookup = fromTemporaryCredentials({
    masterCredentials,
    params: { RoleArn, RoleSessionName: 'keymgmt', ...(ExternalId && { ExternalId }) },
    clientConfig: { region, ...config, ...(endpoint && { endpoint: endpoint.url }) },
  })
  return () => lookup()
}

/** A lookup that ends with the signal, and whose error names the file or the call. */
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

/** Rejects when the signal ends, although no lookup in the SDK takes a signal. */
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
  // The SDK's words for the end of its chain. Its providers are not ours.
  const found = reason.replace('Could not load credentials from any providers', 'none were found')
  return new KeymgmtError('KMS_CREDENTIALS', `no AWS credentials: ${where}${found}`, {
    hints: [lookupHint(failure, call?.action)],
    requestId: failure.requestId,
    cause: error,
  })
}
