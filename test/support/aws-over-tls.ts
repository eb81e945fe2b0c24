import { SignatureV4 } from '@smithy/signature-v4'
import { createHash, createHmac } from 'node:crypto'
import { request as send, type IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { DevKms } from '../../src/dev-kms/index.js'
import type { ServerCertificate } from './certificates.js'

/** AWS's services behind one TLS server. */
export interface AwsOverTls {
  readonly port: number
  /** Each request: the host that it named, and the access key id that signed it. */
  readonly requests: { readonly host: string; readonly accessKeyId: string | undefined }[]
  /** The account that STS names as the caller's. */
  caller: string
  close(): Promise<void>
}

/** The access key ids that the stub services hand out. */
export const ISSUED = { sts: 'ASIAFROMSTS00000001', sso: 'ASIAFROMSSO00000001' } as const

interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string | Buffer
  readonly requestId?: string
}

/**
 * Serves AWS's host names with `certificate`: STS and SSO hand out credentials, and everything else
 * goes to the embedded KMS, signed anew for its own address.
 */
export async function startAwsOverTls(
  kms: DevKms,
  certificate: ServerCertificate,
): Promise<AwsOverTls> {
  const requests: AwsOverTls['requests'] = []
  const server = createServer(certificate, (request, response) => {
    const { host = '', authorization = '' } = request.headers
    requests.push({ host, accessKeyId: /Credential=([^/]+)/.exec(authorization)?.[1] })
    replyTo(kms, request, { host, caller: running.caller })
      .then(({ status, type, body, requestId = 'r-1' }) => {
        const headers = { 'content-type': type, 'x-amzn-requestid': requestId }
        response.writeHead(status, headers).end(body)
      })
      .catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const running: AwsOverTls = {
    port: (server.address() as AddressInfo).port,
    requests,
    caller: '111122223333',
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
  return running
}

async function replyTo(
  kms: DevKms,
  request: IncomingMessage,
  { host, caller }: { readonly host: string; readonly caller: string },
): Promise<Reply> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const isSts = /^sts(-fips)?\./.test(host)
  if (isSts && body.includes('GetCallerIdentity')) return identityOf(caller)
  if (isSts) return assumeRole(body.toString())
  if (host.startsWith('portal.sso.')) return roleCredentials()
  return forward(kms, request, body)
}

function identityOf(account: string): Reply {
  const result = `<Arn>arn:aws:iam::${account}:user/u</Arn><UserId>U</UserId><Account>${account}</Account>`
  return {
    status: 200,
    type: 'text/xml',
    body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>${result}</GetCallerIdentityResult></GetCallerIdentityResponse>`,
  }
}

function assumeRole(body: string): Reply {
  const action = /Action=(\w+)/.exec(body)?.[1] ?? ''
  const fields = {
    AccessKeyId: ISSUED.sts,
    SecretAccessKey: 'example',
    SessionToken: 'example',
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  }
  const xml = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`)
  return {
    status: 200,
    type: 'text/xml',
    body: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>${xml.join('')}</Credentials></${action}Result></${action}Response>`,
  }
}

function roleCredentials(): Reply {
  const roleCredentialsOfSso = {
    accessKeyId: ISSUED.sso,
    secretAccessKey: 'example',
    sessionToken: 'example',
    expiration: Date.now() + 3_600_000,
  }
  return {
    status: 200,
    type: 'application/json',
    body: JSON.stringify({ roleCredentials: roleCredentialsOfSso }),
  }
}

async function forward(kms: DevKms, { headers }: IncomingMessage, body: Buffer): Promise<Reply> {
  const { hostname, port, host } = new URL(kms.endpoint)
  const region = /Credential=[^/]+\/\d+\/([^/]+)/.exec(headers.authorization ?? '')?.[1] ?? ''
  const signer = new SignatureV4({
    service: 'kms',
    region,
    credentials: kms.credentials,
    sha256: Sha256,
  })
  const signed = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname,
    port: Number(port),
    path: '/',
    query: {},
    headers: {
      host,
      'content-type': headers['content-type'] ?? '',
      'x-amz-target': String(headers['x-amz-target']),
    },
    body: body.toString(),
  })
  return new Promise((resolve, reject) => {
    const outgoing = send(
      { method: 'POST', host: hostname, port, headers: signed.headers },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            requestId: String(response.headers['x-amzn-requestid']),
            body: Buffer.concat(chunks),
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** The form of SHA-256 that the SDK's signer asks for. */
class Sha256 {
  readonly #hash: { update(data: Uint8Array): unknown; digest(): Buffer }

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', asBytes(secret))
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(asBytes(data))
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }

  reset(): void {
    throw new Error('the signer does not use it')
  }
}

function asBytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data)
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data)
}
