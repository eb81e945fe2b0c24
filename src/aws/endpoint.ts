import { KeymgmtError } from '../errors.js'

/** The options of a client that are not settings of its provider. */
export interface ClientOptions {
  /** Environment variables, such as `AWS_KMS_ENDPOINT`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts every request. */
  readonly signal: AbortSignal
  /** The version of keymgmt in the user agent, by which detection rules recognise keymgmt. */
  readonly version?: string
  /**
   * The clock of `keymgmt dev`, for an endpoint on this machine. The default is the machine's
   * clock.
   */
  readonly now?: (() => Date) | undefined
}

/** True if `host` (as `URL.hostname` spells it) is this machine. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
  )
}

/** The domains in which AWS's partitions have their services. */
const AWS_DOMAINS = [
  'amazonaws.com',
  'api.aws',
  'amazonaws.com.cn',
  'api.amazonwebservices.com.cn',
  'amazonaws.eu',
  'api.amazonwebservices.eu',
  'c2s.ic.gov',
  'api.aws.ic.gov',
  'sc2s.sgov.gov',
  'api.aws.scloud',
  'cloud.adc-e.uk',
  'api.cloud-aws.adc-e.uk',
  'csp.hci.ic.gov',
  'api.aws.hci.ic.gov',
]

/**
 * True for a host name that only AWS can assign: a public, FIPS, dual-stack or VPC endpoint of AWS
 * KMS.
 * @see https://docs.aws.amazon.com/general/latest/gr/kms.html
 */
export function isAwsKms(host: string): boolean {
  const [, domain = ''] =
    /^(?:vpce-[a-z0-9-]+\.)?kms(?:-fips)?\.[a-z0-9-]+\.(?:vpce\.)?(.+)$/.exec(host) ?? []
  return AWS_DOMAINS.includes(domain)
}

/**
 * Refuses an endpoint that somebody else could impersonate: they would receive the key material
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

/** Returns undefined for text that is not the URL of a host, such as `localhost:4566`. */
function parseUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.hostname ? url : undefined
}
