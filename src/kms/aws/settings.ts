import { KeymgmtError } from '../../errors.js'
import type { KmsSettings } from '../provider.js'

/** The options of a client, beside the settings of its provider. */
export interface ClientOptions {
  /** Contains `AWS_KMS_ENDPOINT` and the like. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Ends every request. */
  readonly signal: AbortSignal
  /** The version of keymgmt in the user agent, by which detection rules recognise keymgmt. */
  readonly version?: string
}

/** Environment variables that name an endpoint, the first that is set wins. */
const ENDPOINT_VARIABLES = ['AWS_KMS_ENDPOINT', 'AWS_ENDPOINT_URL_KMS', 'AWS_ENDPOINT_URL'] as const

/** The custom endpoint in force, with where it was set; undefined for AWS's own. */
export function resolveEndpoint(
  settings: KmsSettings,
  env: Readonly<Record<string, string | undefined>>,
): { url: string; source: string } | undefined {
  const own = settings.credentials.endpoint
  if (own) return { url: own, source: 'credentials=endpoint' }
  const isIgnored = env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS?.toLowerCase() === 'true'
  for (const variable of ENDPOINT_VARIABLES) {
    const url = env[variable]
    if (url && !(isIgnored && variable.startsWith('AWS_ENDPOINT_')))
      return { url, source: variable }
  }
  return undefined
}

/** The variables that the SDK silently ignores if they have a value other than these two. */
const BOOLEANS = [
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'AWS_USE_FIPS_ENDPOINT',
  'AWS_USE_DUALSTACK_ENDPOINT',
]

/**
 * Refuses settings of the environment that would be ignored.
 * @throws KeymgmtError FIELD_INVALID
 */
export function assertBooleans(env: ClientOptions['env']): void {
  const invalid = BOOLEANS.find((name) => !/^(true|false)?$/i.test(env[name] ?? ''))
  if (invalid === undefined) return
  throw new KeymgmtError('FIELD_INVALID', `the environment variable ${invalid} is not a boolean`, {
    hints: [`set ${invalid} to true or false, or unset it`],
  })
}

/** True if `host` (as `URL.hostname` spells it) is this machine. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
  )
}

/**
 * Refuses an endpoint that somebody else could answer for: they would receive the key material
 * wrapped under their own key.
 * @throws KeymgmtError KMS_ENDPOINT_REFUSED
 */
export function assertEndpoint(url: string, source: string): void {
  const parsed = parseUrl(url)
  if (!parsed)
    throw new KeymgmtError('KMS_ENDPOINT_REFUSED', `the endpoint of ${source} is not a URL`, {
      hints: ['a URL begins with https://, such as https://kms.us-west-1.amazonaws.com'],
    })
  if (parsed.username !== '' || parsed.password !== '') {
    throw new KeymgmtError(
      'KMS_ENDPOINT_REFUSED',
      `the endpoint of ${source} contains a user name or password`,
      { hints: ['use access_key and secret_key for credentials, and a URL without them'] },
    )
  }
  if (parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLoopback(parsed.hostname)))
    return
  throw new KeymgmtError(
    'KMS_ENDPOINT_REFUSED',
    `the endpoint ${parsed.origin} (from ${source}) is not https`,
    {
      hints: ['use https://; plain http:// is for this machine only (127.0.0.1, localhost, [::1])'],
    },
  )
}

/** Undefined for a text that is not a URL of a host, such as `localhost:4566`. */
function parseUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.hostname ? url : undefined
}
