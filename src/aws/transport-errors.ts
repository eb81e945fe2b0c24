import { KeymgmtError } from '../errors.js'
import type { Proxy, Target } from './proxy.js'

/** Codes of a certificate whose authority is not trusted. */
const UNKNOWN_AUTHORITY =
  /^(UNABLE_TO_(GET_ISSUER_CERT.*|VERIFY_LEAF_SIGNATURE)|(DEPTH_ZERO_)?SELF_SIGNED_CERT.*|CERT_UNTRUSTED)$/

/** Codes of every other certificate that Node.js refuses. */
const OTHER_CERTIFICATE_FAILURE =
  /^(CERT_.*|ERR_TLS_CERT_.*|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)$/

const VERIFICATION_HINTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "check this machine's clock, and the certificate's dates",
  CERT_NOT_YET_VALID: "check this machine's clock, and the certificate's dates",
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name: check the endpoint',
}

/** True if the other side's certificate is the reason for `error`. */
export function isCertificateFailure(error: unknown): boolean {
  const code = codeOf(error)
  return UNKNOWN_AUTHORITY.test(code) || OTHER_CERTIFICATE_FAILURE.test(code)
}

/** The error for a refused certificate: the proxy's own if `ofProxy`, else the target's. */
export function certificateError(
  error: unknown,
  target: Target,
  {
    bundle,
    proxy,
    ofProxy = false,
  }: { bundle?: string | undefined; proxy?: Proxy; ofProxy?: boolean },
): KeymgmtError {
  const code = codeOf(error)
  const via = proxy ? ` (through the proxy ${proxy.address})` : ''
  const owner = ofProxy && proxy ? `the proxy ${proxy.address}` : `${addressOf(target)}${via}`
  return new KeymgmtError('TLS_REFUSED', `the certificate of ${owner} is not trusted: ${code}`, {
    hints: UNKNOWN_AUTHORITY.test(code)
      ? authorityHints(bundle)
      : [
          VERIFICATION_HINTS[code] ??
            'check the endpoint, and the network between it and this machine',
        ],
    cause: error,
  })
}

function authorityHints(bundle: string | undefined): readonly string[] {
  return bundle
    ? [
        `${bundle} replaces the default certificate authorities: add the authority of this certificate to it, or unset it`,
      ]
    : [
        'if your network inspects TLS or the endpoint is your own, set AWS_CA_BUNDLE (or ca_bundle in the AWS profile) to a PEM file with its certificate authority',
      ]
}

/** The error for `NODE_TLS_REJECT_UNAUTHORIZED=0`. */
export function verificationOffError(target: Target): KeymgmtError {
  return new KeymgmtError(
    'TLS_REFUSED',
    `NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the check of certificates: refused for ${addressOf(target)}`,
    {
      hints: [
        'unset NODE_TLS_REJECT_UNAUTHORIZED; to trust your own certificate authority, set AWS_CA_BUNDLE to its PEM file',
      ],
    },
  )
}

/** The error for a proxy that replied to CONNECT with `status`. */
export function proxyRefusal(
  status: number | undefined,
  target: Target,
  proxy: Proxy,
): KeymgmtError {
  const { address, variable, authorization } = proxy
  const hint =
    status === 407
      ? authorization
        ? `the proxy does not accept the user name and password of ${variable}: correct them, and percent-encode special characters`
        : `the proxy requires credentials: set ${variable} to http://USER:PASSWORD@${address}`
      : status === 403
        ? `allow CONNECT to ${addressOf(target)} on the proxy, or add ${target.host} to NO_PROXY`
        : `check the proxy; to connect without it, add ${target.host} to NO_PROXY`
  return failure(
    `the proxy ${address} (from ${variable}) refused a connection to ${addressOf(target)}: ${statusText(status)}`,
    [hint],
  )
}

function statusText(status: number | undefined): string {
  if (status === 407) return '407 Proxy Authentication Required'
  return status === undefined || Number.isNaN(status) ? 'it sent no HTTP status' : `HTTP ${status}`
}

/** Returns the error for a proxy that can't be reached, or that closed the connection. */
export function proxyConnectionError(error: unknown, target: Target, proxy: Proxy): KeymgmtError {
  if (error instanceof KeymgmtError) return error
  const { address, variable, url } = proxy
  const code = codeOf(error)
  const reason =
    code === 'ABORT_ERR' ? 'it did not respond in time' : code || 'it closed the connection'
  const speaksPlain = url.protocol === 'https:' && /^(EPROTO|ERR_SSL_)/.test(code)
  return failure(
    `can't connect to ${addressOf(target)} through the proxy ${address} (from ${variable}): ${reason}`,
    [
      ...(speaksPlain
        ? [`most proxies speak plain HTTP: set ${variable} to http://${address}`]
        : []),
      `check that the proxy runs and that ${variable} is right; to connect without it, add ${target.host} to NO_PROXY`,
    ],
    error,
  )
}

function failure(message: string, hints: readonly string[], cause?: unknown): KeymgmtError {
  return new KeymgmtError('PROXY_FAILED', message, { hints, cause })
}

function addressOf({ host, port }: Target): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}
