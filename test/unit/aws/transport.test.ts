import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request as requestHttp, type Server } from 'node:http'
import { createServer as createTlsServer, request as requestHttps } from 'node:https'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfiguration } from '../../../src/aws/configuration.js'
import type { Env } from '../../../src/aws/proxy.js'
import { createTransport } from '../../../src/aws/transport.js'
import { createAuthority, type Authority } from '../../support/certificates.js'
import {
  startConnectProxy,
  type ConnectProxy,
  type ConnectProxyOptions,
} from '../../support/connect-proxy.js'

const HOST = 'kms.us-west-1.amazonaws.com'
const folder = mkdtempSync(join(tmpdir(), 'keymgmt-transport-'))
const fileOf = (name: string, content: string) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

let authority: Authority
let bundle: string
let proxy: ConnectProxy
const servers: Server[] = []
const ports = { tls: 0, expired: 0, plain: 0 }

beforeAll(async () => {
  authority = await createAuthority('Test')
  bundle = fileOf('ca.pem', authority.pem)
  const reply: Parameters<typeof createServer>[1] = (_request, response) => response.end('hello')
  const hosts = [HOST, 'localhost', '127.0.0.1']
  servers.push(
    createTlsServer(await authority.issue(hosts), reply),
    createTlsServer(await authority.issue(['expired.example.com'], true), reply),
    createServer(reply),
  )
  for (const server of servers)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const [tls = 0, expired = 0, plain = 0] = servers.map(
    (server) => (server.address() as AddressInfo).port,
  )
  Object.assign(ports, { tls, expired, plain })
})

afterEach(() => proxy.close())

afterAll(() => {
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
  rmSync(folder, { recursive: true, force: true })
})

const routes: ConnectProxyOptions['route'] = (target) =>
  ({
    [`${HOST}:443`]: ports.tls,
    'expired.example.com:443': ports.expired,
    'other.example.com:443': ports.tls,
    'plain.example.com:80': ports.plain,
  })[target]

const start = async (options: Partial<ConnectProxyOptions> = {}) => {
  proxy = await startConnectProxy({ route: routes, ...options })
  return proxy.address
}

interface Failure extends Error {
  readonly code: string
  readonly hints?: readonly string[]
}

const get = async (url: string, env: Env, profile?: string): Promise<string> => {
  const transport = createTransport(await readConfiguration(env, { profile }))
  const isTls = url.startsWith('https:')
  return new Promise((resolve, reject) => {
    const request = (isTls ? requestHttps : requestHttp)(
      url,
      { agent: isTls ? transport.httpsAgent : transport.httpAgent },
      (response) => {
        response.setEncoding('utf8').on('data', resolve)
        transport.httpAgent.destroy()
        transport.httpsAgent.destroy()
      },
    )
    request.on('error', reject).end()
  })
}

const failureOf = async (url: string, env: Env): Promise<Failure> => {
  try {
    await get(url, env)
  } catch (error) {
    return error as Failure
  }
  throw new Error('the request succeeded')
}

describe('a request', () => {
  it('goes through the proxy, with TLS inside the tunnel', async () => {
    const env = { HTTPS_PROXY: `http://${await start()}`, AWS_CA_BUNDLE: bundle }
    expect(await get(`https://${HOST}/`, env)).toBe('hello')
    expect(proxy.targets).toEqual([`${HOST}:443`])
  })

  it('goes through a TLS proxy whose certificate the bundle covers', async () => {
    const tls = await authority.issue(['localhost', '127.0.0.1'])
    const env = { HTTPS_PROXY: `https://${await start({ tls })}`, AWS_CA_BUNDLE: bundle }
    expect(await get(`https://${HOST}/`, env)).toBe('hello')
    expect(proxy.targets).toEqual([`${HOST}:443`])
  })

  it('over plain HTTP goes through HTTP_PROXY', async () => {
    const address = await start()
    expect(await get('http://plain.example.com/', { HTTP_PROXY: address })).toBe('hello')
    expect(proxy.targets).toEqual(['plain.example.com:80'])
  })

  it('sends the credentials of the proxy', async () => {
    const address = await start({ credentials: 'me:p#w' })
    const env = { HTTPS_PROXY: `http://me:p%23w@${address}`, AWS_CA_BUNDLE: bundle }
    expect(await get(`https://${HOST}/`, env)).toBe('hello')
  })

  it('to loopback goes directly', async () => {
    const address = await start()
    const env = { HTTPS_PROXY: address, HTTP_PROXY: address, AWS_CA_BUNDLE: bundle }
    expect(await get(`https://127.0.0.1:${ports.tls}/`, env)).toBe('hello')
    expect(await get(`https://localhost:${ports.tls}/`, env)).toBe('hello')
    expect(await get(`http://127.0.0.1:${ports.plain}/`, env)).toBe('hello')
    expect(proxy.targets).toEqual([])
  })

  it('to an excluded host does not reach the proxy', async () => {
    const env = { HTTPS_PROXY: await start(), NO_PROXY: 'invalid' }
    const { code } = await failureOf('https://kms.invalid/', env)
    expect(code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/)
    expect(proxy.targets).toEqual([])
  })
})

describe('a proxy', () => {
  const AUTHENTICATION = '407 Proxy Authentication Required'

  it('that requires credentials is named, with the form of the URL', async () => {
    const address = await start({ credentials: 'me:hunter2' })
    const { code, message, hints } = await failureOf(`https://${HOST}/`, { HTTPS_PROXY: address })
    expect(code).toBe('PROXY_FAILED')
    expect(message).toBe(
      `the proxy ${address} (from HTTPS_PROXY) refused a connection to ${HOST}:443: ${AUTHENTICATION}`,
    )
    expect(hints?.join()).toContain(`http://USER:PASSWORD@${address}`)
  })

  it('that refuses the credentials is named, without them', async () => {
    const address = await start({ credentials: 'me:secret' })
    const env = { https_proxy: `http://me:hunter2@${address}` }
    const error = await failureOf(`https://${HOST}/`, env)
    expect(error.message).toContain(AUTHENTICATION)
    expect(error.hints?.join()).toContain('user name and password of https_proxy')
    expect(`${error.message}${error.hints?.join()}${error.stack}`).not.toMatch(/hunter2|me:/)
  })

  it.each([
    [403, 'allow CONNECT'],
    [503, 'check the proxy'],
  ])('that refuses with %i is named', async (refuse, hint) => {
    const { message, hints } = await failureOf(`https://${HOST}/`, {
      HTTPS_PROXY: await start({ refuse }),
    })
    expect(message).toContain(`${proxy.address} (from HTTPS_PROXY) refused`)
    expect(message).toContain(`HTTP ${refuse}`)
    expect(hints?.join()).toContain(hint)
  })

  it('that does not run is named', async () => {
    const address = await start()
    await proxy.close()
    const { code, message } = await failureOf(`https://${HOST}/`, { HTTPS_PROXY: address })
    expect(code).toBe('PROXY_FAILED')
    expect(message).toBe(
      `can't connect to ${HOST}:443 through the proxy ${address} (from HTTPS_PROXY): ECONNREFUSED`,
    )
  })

  it('that closes the connection is named', async () => {
    await start()
    const server = createTcpServer((socket) => socket.end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const { message } = await failureOf(`https://${HOST}/`, { HTTPS_PROXY: address })
    server.close()
    expect(message).toContain(`through the proxy ${address}`)
  })

  it('that never replies is given up and named', async () => {
    const address = await start({ silent: true })
    const { message } = await failureOf(`https://${HOST}/`, { HTTPS_PROXY: address })
    expect(message).toContain(`through the proxy ${address} (from HTTPS_PROXY): it did not respond`)
  })

  it('that speaks plain HTTP is named if the URL says https', async () => {
    const env = { HTTPS_PROXY: `https://${await start()}` }
    const { hints } = await failureOf(`https://${HOST}/`, env)
    expect(hints?.join()).toContain(`set HTTPS_PROXY to http://${proxy.address}`)
  })
})

describe('a certificate', () => {
  it('of an unknown authority is refused, directly and through a proxy', async () => {
    const address = await start()
    const direct = await failureOf(`https://localhost:${ports.tls}/`, {})
    const proxied = await failureOf(`https://${HOST}/`, { HTTPS_PROXY: address })
    expect(direct.message).toContain(`the certificate of localhost:${ports.tls} is not trusted`)
    expect(proxied.message).toContain(
      `the certificate of ${HOST}:443 (through the proxy ${address}) is not trusted`,
    )
    for (const { code, hints } of [direct, proxied]) {
      expect(code).toBe('TLS_REFUSED')
      expect(hints?.join()).toContain('set AWS_CA_BUNDLE')
    }
  })

  it('of another authority than the bundle is refused: the bundle is named', async () => {
    const other = fileOf('other.pem', (await createAuthority('Other')).pem)
    const env = { HTTPS_PROXY: await start(), AWS_CA_BUNDLE: other }
    const { message, hints } = await failureOf(`https://${HOST}/`, env)
    expect(message).toContain(`${HOST}:443`)
    expect(hints?.join()).toContain(`${other} (from AWS_CA_BUNDLE) replaces the default`)
  })

  it('of the proxy itself is refused, and the proxy is named', async () => {
    const tls = await authority.issue(['127.0.0.1'])
    const env = { HTTPS_PROXY: `https://${await start({ tls })}` }
    const { message } = await failureOf(`https://${HOST}/`, env)
    expect(message).toContain(`the certificate of the proxy ${proxy.address} is not trusted`)
    expect(proxy.targets).toEqual([])
  })

  it.each([
    ['expired.example.com', 'CERT_HAS_EXPIRED', 'clock'],
    ['other.example.com', 'ERR_TLS_CERT_ALTNAME_INVALID', 'another host name'],
  ])('of %s is refused: %s', async (host, reason, hint) => {
    const env = { HTTPS_PROXY: await start(), AWS_CA_BUNDLE: bundle }
    const { code, message, hints } = await failureOf(`https://${host}/`, env)
    expect(code).toBe('TLS_REFUSED')
    expect(message).toContain(reason)
    expect(hints?.join()).toContain(hint)
  })
})

describe('the CA bundle', () => {
  it('comes from ca_bundle of the profile, and AWS_CA_BUNDLE wins', async () => {
    await start()
    const AWS_CONFIG_FILE = fileOf(
      'config',
      `[default]\nca_bundle = ${bundle}\n[profile missing]\nca_bundle = /missing.pem\n`,
    )
    const url = `https://127.0.0.1:${ports.tls}/`
    const env = { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
    expect(await get(url, env)).toBe('hello')
    const source = '/missing.pem (from ca_bundle of the AWS profile missing): ENOENT'
    await expect(get(url, { ...env, AWS_PROFILE: 'missing' })).rejects.toThrow(source)
    await expect(get(url, env, 'missing')).rejects.toThrow(source)
    const both = { ...env, AWS_PROFILE: 'missing', AWS_CA_BUNDLE: bundle }
    expect(await get(url, both)).toBe('hello')
  })

  it.each([
    ['that is missing', () => join(folder, 'missing.pem'), 'ENOENT'],
    ['that is a folder', () => folder, 'is not a regular file'],
    ['without a certificate', () => fileOf('empty.pem', 'hello\n'), 'contains no PEM certificate'],
    [
      'with a damaged certificate',
      () => fileOf('damaged.pem', `${authority.pem}${authority.pem.replace('MII', 'AAA')}`),
      'certificate 2 of the CA bundle',
    ],
  ])('%s is refused: the file and the variable are named', async (_title, create, problem) => {
    await start()
    const file = create()
    const { code, message, hints } = await failureOf('https://localhost/', { AWS_CA_BUNDLE: file })
    expect(code).toBe('TLS_REFUSED')
    expect(message).toContain(`${file} (from AWS_CA_BUNDLE)`)
    expect(message).toContain(problem)
    expect(hints?.join()).toContain('AWS_CA_BUNDLE')
  })
})

describe('NODE_TLS_REJECT_UNAUTHORIZED=0', () => {
  const off = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }

  it('is refused outside loopback, before anything is sent', async () => {
    const env = { ...off, HTTPS_PROXY: await start(), AWS_CA_BUNDLE: bundle }
    const { code, message } = await failureOf(`https://${HOST}/`, env)
    expect(code).toBe('TLS_REFUSED')
    expect(message).toContain('NODE_TLS_REJECT_UNAUTHORIZED=0')
    expect(message).toContain(HOST)
    expect(proxy.targets).toEqual([])
  })

  it('is not refused on loopback', async () => {
    await start()
    const env = { ...off, AWS_CA_BUNDLE: bundle }
    expect(await get(`https://127.0.0.1:${ports.tls}/`, env)).toBe('hello')
  })
})
