import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { allows, wantedBy, type S3Policies } from './s3-policies.js'

// S3's conditions, pages and versions over real HTTP, independent of the SDK that it tests.

/** A request, as a test sees it. */
export interface S3Request {
  readonly method: string
  readonly bucket: string
  /** The key of the object; empty for a request to the bucket. */
  readonly key: string
  /** True if the object existed when the request arrived. */
  readonly exists: boolean
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly isConditional: boolean
  /** The moments in milliseconds at which it arrived and its reply was sent; Infinity before. */
  readonly arrived: number
  answered: number
}

/** A failure: before or after the server carried out the request. */
export type S3Fault =
  | { readonly at: 'before' | 'after'; readonly drop: true }
  | {
      readonly at: 'before' | 'after'
      readonly status: number
      readonly code: string
      readonly text?: string
    }

/** The options of a server. */
export interface S3ServerOptions {
  /** Returns the delay of the next reply, in milliseconds. */
  readonly latencyMs?: () => number
  /** The names in one page of a list. S3 has 1,000. */
  readonly pageSize?: number
  /** Ignores the condition of every nth request, as a faulty server does. */
  readonly ignoreEvery?: number
  /** Confirms a conditional deletion of an object that does not exist. */
  readonly deletesAbsent?: boolean
  /** Ignores the conditions of deletions. */
  readonly ignoresDeleteConditions?: boolean
  /** The versioning that the bucket reports; nothing if it never had any. */
  readonly versioning?: 'Enabled' | 'Suspended' | undefined
  /** Denies each request that these policies do not allow. */
  readonly policies?: S3Policies
  /** Returns the fault of a request. */
  readonly fault?: (request: S3Request) => S3Fault | undefined
  /** Carries a request out only after the promise has resolved. */
  readonly hold?: (request: S3Request) => Promise<void> | undefined
}

/** One version of an object; undefined marks a deletion. */
type Version = { readonly etag: string; readonly body: Buffer } | undefined

/** A running server with one bucket. */
export interface S3Server {
  readonly endpoint: string
  readonly bucket: string
  readonly requests: readonly S3Request[]
  /** Every version of every object, the latest last. */
  readonly versions: ReadonlyMap<string, readonly Version[]>
  /** Deletes the objects whose keys begin with `prefix`. */
  remove(prefix: string): void
  close(): Promise<void>
}

export const BUCKET = 'acme-keys'
const REGION = 'eu-west-1'

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

/** Starts a server on a free port of this machine. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const {
    pageSize = 1_000,
    ignoreEvery = Infinity,
    deletesAbsent = false,
    ignoresDeleteConditions = false,
    fault = () => undefined,
    hold = () => undefined,
    policies,
    latencyMs = () => 0,
  } = options
  const versioning = 'versioning' in options ? options.versioning : 'Enabled'
  const versions = new Map<string, Version[]>()
  const requests: S3Request[] = []
  let conditional = 0
  const carryOut = (request: S3Request, body: Buffer): Reply => {
    const isIgnored =
      (request.isConditional && ++conditional % ignoreEvery === 0) ||
      (request.method === 'DELETE' && ignoresDeleteConditions)
    return replyTo(request, body, versions, { pageSize, isIgnored, deletesAbsent, versioning })
  }
  const server = createServer((incoming, response) => {
    void readAll(incoming).then(async (body) => {
      const request = parse(incoming, versions)
      requests.push(request)
      await hold(request)
      const delay = latencyMs()
      if (delay > 0) await sleep(delay)
      request.answered = performance.now()
      const failure = fault(request)
      if (failure?.at !== 'before') {
        const reply = refusalOf(request, incoming, policies) ?? carryOut(request, body)
        if (!failure) {
          send(response, request, reply)
          return
        }
      }
      if ('drop' in failure) response.destroy()
      else send(response, request, errorReply(failure.status, failure.code, failure.text))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket: BUCKET,
    requests,
    versions,
    remove(prefix) {
      for (const [key, all] of versions)
        if (key.startsWith(prefix) && all.at(-1)) versions.set(key, [...all, undefined])
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

/** Returns the number of requests in the longest chain of which each began after the one before. */
export function serialRequests(requests: readonly S3Request[]): number {
  let count = 0
  let end = -Infinity
  for (const { arrived, answered } of [...requests].sort((a, b) => a.answered - b.answered)) {
    if (arrived <= end) continue
    count++
    end = answered
  }
  return count
}

/** Returns the number of requests that were under way at the same time, at most. */
export function parallelRequests(requests: readonly S3Request[]): number {
  const underWay = ({ arrived: moment }: S3Request) =>
    requests.filter(({ arrived, answered }) => arrived <= moment && moment < answered).length
  return Math.max(0, ...requests.map(underWay))
}

/** Every version of every object, the latest last. */
export type Versions = Map<string, Version[]>

/** A bucket in memory, with the conditions of S3, for requests that need no server. */
export function createS3Bucket(versions: Versions = new Map()) {
  return {
    /** A copy of everything, to begin from it again. */
    copy: (): Versions => new Map([...versions].map(([key, all]) => [key, [...all]])),
    /** The keys of all objects. */
    keys: () => [...versions].filter(([, all]) => all.at(-1)).map(([key]) => key),
    /** Copies an object, if there is one. */
    copyObject(from: string, to: string): void {
      const latest = versions.get(from)?.at(-1)
      if (latest) versions.set(to, [latest])
    },
    answer(incoming: Incoming, body: Buffer): Reply {
      const request = parse(incoming, versions)
      const rules = { pageSize: 1_000, isIgnored: false, deletesAbsent: false } as const
      return (
        refusalOf(request, incoming, undefined) ??
        replyTo(request, body, versions, { ...rules, versioning: 'Enabled' })
      )
    },
  }
}

/** The parts of a request that S3 reads. */
type Incoming = Pick<IncomingMessage, 'method' | 'url' | 'headers'>

/** The URL of a store on this server. */
export function storeUrl(
  { endpoint, bucket }: Pick<S3Server, 'endpoint' | 'bucket'>,
  prefix = 'prod',
): string {
  return `s3://${bucket}/${prefix}?region=${REGION}&endpoint=${endpoint}`
}

/** The variables with which a request to a server is signed. */
export const S3_ENV: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: 'AKIATEST',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-test',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function parse(
  { method = '', url = '', headers }: Incoming,
  versions: S3Server['versions'],
): S3Request {
  const { pathname, searchParams } = new URL(url, 'http://s3')
  const [, bucket = '', ...rest] = pathname.split('/').map(decodeURIComponent)
  const key = bucket === BUCKET ? rest.join('/') : ''
  return {
    method,
    bucket,
    key,
    exists: versions.get(key)?.at(-1) !== undefined,
    query: searchParams,
    headers,
    isConditional: headers['if-match'] !== undefined || headers['if-none-match'] !== undefined,
    arrived: performance.now(),
    answered: Infinity,
  }
}

function refusalOf(
  request: S3Request,
  { url = '' }: Incoming,
  policies: S3Policies | undefined,
): Reply | undefined {
  const { headers } = request
  const scope = `/${REGION}/s3/aws4_request`
  if (!headers.authorization?.includes(scope)) return errorReply(403, 'SignatureDoesNotMatch')
  if (!new RegExp(`^/${BUCKET}([/?]|$)`).test(url)) return errorReply(404, 'NoSuchBucket')
  const owner = headers['x-amz-expected-bucket-owner'] ?? '111122223333'
  if (owner !== '111122223333') return errorReply(403, 'AccessDenied')
  return !policies || allows(policies, wantedBy(request))
    ? undefined
    : errorReply(403, 'AccessDenied')
}

interface Rules {
  readonly pageSize: number
  readonly isIgnored: boolean
  readonly deletesAbsent: boolean
  readonly versioning: S3ServerOptions['versioning']
}

function replyTo(
  request: S3Request,
  body: Buffer,
  versions: Map<string, Version[]>,
  { pageSize, isIgnored, deletesAbsent, versioning }: Rules,
): Reply {
  const { method, key, query } = request
  if (key === '' && query.has('versioning')) return versioningReply(versioning)
  if (key === '') return listReply(query, versions, pageSize)
  const current = versions.get(key)?.at(-1)
  if (method === 'DELETE' && !current && deletesAbsent) return { status: 204 }
  const refusal = isIgnored ? undefined : conditionRefusal(request, current)
  if (refusal) return refusal
  if (method === 'GET')
    return current
      ? { status: 200, headers: { etag: current.etag }, body: current.body }
      : errorReply(404, 'NoSuchKey')
  const etag = `"${createHash('md5').update(body).digest('hex')}"`
  if (method === 'PUT') versions.set(key, [...(versions.get(key) ?? []), { etag, body }])
  else if (current) versions.set(key, [...(versions.get(key) ?? []), undefined])
  return method === 'PUT' ? { status: 200, headers: { etag } } : { status: 204 }
}

function conditionRefusal({ headers }: S3Request, current: Version): Reply | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers
  if (noneMatch === '*' && current) return errorReply(412, 'PreconditionFailed')
  if (match === undefined) return undefined
  if (!current) return errorReply(404, 'NoSuchKey')
  return match === current.etag ? undefined : errorReply(412, 'PreconditionFailed')
}

function versioningReply(status: S3ServerOptions['versioning']): Reply {
  const text = status === undefined ? '' : `<Status>${status}</Status>`
  return xml(
    200,
    `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${text}</VersioningConfiguration>`,
  )
}

/** ListObjectsV2. A token is the last name of the page before. */
function listReply(
  query: URLSearchParams,
  versions: ReadonlyMap<string, readonly Version[]>,
  pageSize: number,
): Reply {
  const prefix = query.get('prefix') ?? ''
  const after = query.get('continuation-token') ?? ''
  const namePattern = query.get('delimiter') === '/' ? /^[^/]*\/?/ : /^.*$/
  const present = [...versions].filter(([, all]) => all.at(-1)).map(([key]) => key)
  const names = present
    .filter((key) => key.startsWith(prefix))
    .map((key) => namePattern.exec(key.slice(prefix.length))?.[0] ?? '')
  const sorted = [...new Set(names)].sort().filter((name) => name > after)
  const page = sorted.slice(0, pageSize)
  const isTruncated = sorted.length > pageSize
  const entries = page.map((name) =>
    name.endsWith('/')
      ? `<CommonPrefixes><Prefix>${prefix}${name}</Prefix></CommonPrefixes>`
      : `<Contents><Key>${prefix}${name}</Key></Contents>`,
  )
  const token = isTruncated
    ? `<NextContinuationToken>${page.at(-1) ?? ''}</NextContinuationToken>`
    : ''
  return xml(
    200,
    `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${String(isTruncated)}</IsTruncated>${token}${entries.join('')}</ListBucketResult>`,
  )
}

function errorReply(status: number, code: string, text = `${code}, says the server`): Reply {
  return xml(status, `<Error><Code>${code}</Code><Message>${text}</Message></Error>`)
}

function xml(status: number, document: string): Reply {
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${document}`,
  }
}

function send(response: ServerResponse, { method }: S3Request, reply: Reply): void {
  response.writeHead(reply.status, { ...reply.headers, 'x-amz-request-id': 'REQUEST1' })
  response.end(method === 'HEAD' ? undefined : reply.body)
}
