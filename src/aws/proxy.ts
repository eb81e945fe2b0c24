import { KeymgmtError } from '../errors.js'
import { isLoopback } from './endpoint.js'

/** The variables of the environment. */
export type Env = Readonly<Record<string, string | undefined>>

/** One end of a connection. `host` has no brackets. */
export interface Target {
  readonly protocol: 'http:' | 'https:'
  readonly host: string
  readonly port: number
}

/** The proxy for a connection. */
export interface Proxy {
  /** Its URL, without credentials. */
  readonly url: URL
  /** HOST:PORT, for messages. */
  readonly address: string
  /** The variable that names it, as the user wrote it. */
  readonly variable: string
  /** The value of Proxy-Authorization; a secret. */
  readonly authorization?: string
}

/** The addresses at which EC2, ECS and EKS hand out credentials to a machine. */
const METADATA_HOSTS = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::254',
  'fd00:ec2::23',
]

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/**
 * PURE: returns the proxy for connections to `target`; undefined to connect directly. The rules are
 * the same as in the AWS CLI and curl:
 *
 * - The lower-case name of a variable takes precedence. If its value is empty, the proxy is off.
 * - `https://` uses `HTTPS_PROXY` only, `http://` uses `HTTP_PROXY` only.
 * - An entry of `NO_PROXY` matches the host and all its subdomains; with a port, only that port.
 *
 * Loopback and the metadata endpoints never use a proxy.
 * @throws KeymgmtError PROXY_FAILED for a value that is not the URL of an HTTP proxy.
 */
export function chooseProxy(target: Target, env: Env): Proxy | undefined {
  if (isLoopback(target.host) || METADATA_HOSTS.includes(target.host)) return undefined
  const configured = lookUp(env, target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
  if (!configured.value || isExcluded(target, lookUp(env, 'NO_PROXY').value)) return undefined
  return parseProxy(configured.value, configured.variable)
}

function lookUp(env: Env, name: string): { variable: string; value: string } {
  const lower = name.toLowerCase()
  const variable = env[lower] === undefined ? name : lower
  return { variable, value: env[variable]?.trim() ?? '' }
}

function isExcluded({ host, port }: Target, noProxy: string): boolean {
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '*') return true
      const [, name, ofPort] = /^(.+?|\[.+\])(?::(\d+))?$/.exec(asHost(entry)) ?? []
      if (name === undefined || (ofPort !== undefined && Number(ofPort) !== port)) return false
      const domain = name.replace(/^\[|\]$/g, '').replace(/^\*?\./, '')
      return host === domain || host.endsWith(`.${domain}`)
    })
}

/** Puts a bare IPv6 address in brackets, so that its last group does not look like a port. */
function asHost(entry: string): string {
  return /^[\da-f]*:[\da-f]*:[\da-f:.]*$/.test(entry) ? `[${entry}]` : entry
}

function parseProxy(value: string, variable: string): Proxy {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value)
    ? value
    : `http://${value.replace(/^\/\//, '')}`
  if (!URL.canParse(text)) throw invalid(variable)
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new KeymgmtError('PROXY_FAILED', `${variable}: keymgmt can't use a ${protocol} proxy`, {
      hints: [`set ${variable} to the http:// or https:// address of a proxy`],
    })
  }
  // A "/", "?" or "#" in the password would end the host too early, and expose the rest of the
  // password.
  if (pathname !== '/' || search !== '' || hash !== '') throw invalid(variable)
  const address = `${hostname}:${port || DEFAULT_PORTS[protocol]}`
  const authorization = basicAuthorization(username, password, variable)
  return {
    url: new URL(`${protocol}//${address}`),
    address,
    variable,
    ...(authorization !== undefined && { authorization }),
  }
}

function basicAuthorization(
  username: string,
  password: string,
  variable: string,
): string | undefined {
  if (username === '' && password === '') return undefined
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return `Basic ${Buffer.from(pair).toString('base64')}`
  } catch {
    throw invalid(variable)
  }
}

/** Never repeats the value, which may contain a password. */
function invalid(variable: string): KeymgmtError {
  return new KeymgmtError('PROXY_FAILED', `${variable} is not the address of a proxy`, {
    hints: [
      `set ${variable} to http://HOST:PORT or http://USER:PASSWORD@HOST:PORT`,
      'percent-encode special characters in the user name and the password, such as %23 for #',
    ],
  })
}
