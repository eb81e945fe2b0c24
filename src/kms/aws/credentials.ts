import type { KMSClientConfig } from '@aws-sdk/client-kms'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { loadSharedConfigFiles } from '@smithy/core/config'
import { KeymgmtError } from '../../errors.js'
import { registerSecrets } from '../../redact.js'
import { readFailure, type AwsFailure } from './errors.js'
import type { LookupHandler } from './handlers.js'
import type { ClientOptions } from './settings.js'

type Credentials = NonNullable<KMSClientConfig['credentials']>
type Provider = Extract<Credentials, (...args: never[]) => unknown>

/** The configuration of the clients that look up credentials: STS and SSO. */
interface LookupConfig {
  readonly region: string
  readonly customUserAgent: NonNullable<KMSClientConfig['customUserAgent']>
  readonly requestHandler: LookupHandler
}

/**
 * The credentials to sign with: the stored ones, else those of the environment, of the shared
 * files, or of the role of the container or instance. The lookup ends with the signal.
 *
 * The lookup fails with KeymgmtError KMS_CREDENTIALS, which names the file or the call that failed.
 */
export async function credentialsOf(
  stored: Readonly<Record<string, string>>,
  config: LookupConfig,
  options: ClientOptions,
): Promise<Credentials> {
  const { access_key, secret_key, session_token, role_arn, external_id } = stored
  const { region, ...clientConfig } = config
  const base = registering(
    pair(access_key, secret_key, session_token) ??
      (await lookupOf(stored.profile, clientConfig, options.env)),
  )
  if (!role_arn) return typeof base === 'function' ? guard(base, config, options) : base
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  const assumed = fromTemporaryCredentials({
    masterCredentials: base,
    params: {
      RoleArn: role_arn,
      RoleSessionName: 'keymgmt',
      ...(external_id && { ExternalId: external_id }),
    },
    clientConfig: { region, ...clientConfig },
  })
  return registering(guard(() => assumed(), config, options))
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

function pair(accessKeyId?: string, secretAccessKey?: string, sessionToken?: string) {
  if (!accessKeyId || !secretAccessKey) return undefined
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
}

/**
 * A named profile that is missing, or whose source fails, is not replaced by the role of the
 * machine: that would be somebody else.
 */
async function lookupOf(
  stored: string | undefined,
  clientConfig: Omit<LookupConfig, 'region'>,
  env: ClientOptions['env'],
): Promise<Credentials> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE } = env
  const profile = stored ?? AWS_PROFILE
  const ofEnvironment = pair(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)
  if (!stored && ofEnvironment) return ofEnvironment
  // Without a Region: SSO would be asked in it instead of in its own.
  if (!profile || (await isWithoutCredentials(profile)))
    return defaultProvider({ clientConfig, ...(stored && { profile: stored }) })
  const { fromIni } = await import('@aws-sdk/credential-providers')
  return fromIni({ clientConfig, profile })
}

/** Settings of a profile that name a source of credentials. */
const SOURCES = /^(aws_access_key_id|role_arn|credential_|sso_|web_identity_|login_)/

/** True for a profile that exists only for other settings, such as a Region. */
async function isWithoutCredentials(profile: string): Promise<boolean> {
  const { configFile, credentialsFile } = await loadSharedConfigFiles()
  const settings = { ...configFile[profile], ...credentialsFile[profile] }
  const exists = profile in configFile || profile in credentialsFile
  return exists && !Object.keys(settings).some((name) => SOURCES.test(name))
}

function guard(
  lookup: Provider | (() => ReturnType<Provider>),
  { requestHandler }: LookupConfig,
  { signal }: ClientOptions,
): Provider {
  return async () => {
    try {
      return await untilAborted(signal, lookup())
    } catch (error) {
      throw lookupError(error, requestHandler.lastCall)
    }
  }
}

/** Rejects when the signal ends, although no lookup in the SDK takes a signal. */
async function untilAborted<T>(signal: AbortSignal, result: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  let stop: () => void = () => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', stop, { once: true })
  })
  return Promise.race([result, aborted]).finally(() => {
    signal.removeEventListener('abort', stop)
  })
}

function lookupError(error: unknown, lastCall: string | undefined): unknown {
  if (error instanceof KeymgmtError) return error
  const failure = readFailure(error)
  const isReply = failure.status !== undefined
  const call = isReply || failure.code ? lastCall : undefined
  const reason = isReply ? `${failure.name}: ${failure.message}` : failure.message || failure.code
  return new KeymgmtError(
    'KMS_CREDENTIALS',
    `no AWS credentials: ${call === undefined ? '' : `${call} failed: `}${reason}`,
    { hints: [hintOf(failure, call)], requestId: failure.requestId, cause: error },
  )
}

function hintOf({ name, code }: AwsFailure, call: string | undefined): string {
  if (name === 'AccessDenied' && call !== undefined)
    return "allow the call in the caller's IAM policy and in the trust policy of the role"
  if (code === 'ENOENT' || code === 'EACCES')
    return 'create the file, or correct the setting that names it (AWS_WEB_IDENTITY_TOKEN_FILE, or the AWS profile)'
  return 'check AWS_PROFILE and the AWS configuration files, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the provider credentials'
}
