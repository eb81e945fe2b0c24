import {
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { customEndpoint, endpointConfig } from '../../aws/configuration.js'
import { clientConfig, openConnection } from '../../aws/connection.js'
import type { ClientOptions } from '../../aws/endpoint.js'
import { readFailure } from '../../aws/failure.js'
import { AbortableHandler } from '../../aws/handlers.js'
import { KeymgmtError } from '../../errors.js'
import type { Versioning } from '../store.js'
import { formatS3Url, type S3Address } from './address.js'
import { s3Error, type S3Operation } from './errors.js'
import { mayBeDone, retryAfter } from './retry.js'

/** An object of a bucket. */
export interface StoredObject {
  readonly etag: string
  readonly body: Uint8Array
}

/** The result of a conditional request. */
export interface Conditional {
  /** The ETag of the object that was put, empty for a delete; undefined if S3 refused. */
  readonly etag: string | undefined
  /** True if the reply to an earlier attempt was lost: it may have met the condition. */
  readonly isAmbiguous: boolean
}

/** The objects below the prefix of a store. Keys are relative to the prefix. */
export interface Bucket {
  /** The URL of the store, for messages. */
  readonly url: string
  /** Returns the object; undefined if there is none. */
  get(key: string): Promise<StoredObject | undefined>
  /** Replaces the object with this ETag; undefined means that the object must not exist. */
  put(key: string, body: Uint8Array, expected: string | undefined): Promise<Conditional>
  /** Deletes the object with this ETag. `signal` ends the request instead of the store's own. */
  delete(key: string, expected: string, signal?: AbortSignal): Promise<Conditional>
  /** Returns the names directly below the folder `key`: of objects, and of folders. */
  list(key: string): Promise<readonly string[]>
  /** Returns the keys of all objects below the folder `key`, relative to it. */
  listAll(key: string): Promise<readonly string[]>
  /** Returns the versioning of the bucket; `unknown` if S3 does not report it. */
  versioning(): Promise<Versioning>
}

/** The options of a bucket. */
export interface BucketOptions extends ClientOptions {
  /** Receives a message about a wait that a user would notice. */
  readonly onWait?: ((message: string) => void) | undefined
}

/** A shorter wait is not reported. */
const NOTICEABLE_MS = 500

/** The largest object that is read: a record with very many versions has some megabytes. */
const MAX_SIZE = 64 * 1024 * 1024

/** The errors by which S3 says that a condition is not met. */
const CONDITION_NOT_MET: ReadonlySet<string> = new Set([
  'PreconditionFailed',
  'NoSuchKey',
  'NotFound',
])

/** Opens the bucket of a store. The first request looks up the credentials. */
export function openBucket(address: S3Address, options: BucketOptions): Bucket {
  const { prefix, bucket: Bucket, expectedOwner } = address
  const common = { Bucket, ...(expectedOwner && { ExpectedBucketOwner: expectedOwner }) }
  const root = prefix === '' ? '' : `${prefix}/`
  const url = formatS3Url(address)
  const send = createSender(url, options)
  let opened: Promise<S3Client> | undefined
  const client = () =>
    (opened ??= openClient(address, options).catch((error: unknown) => {
      opened = undefined
      throw s3Error(readFailure(error), 'GetObject', url)
    }))
  const list = async (key: string, Delimiter: string | undefined) => {
    const s3 = await client()
    const folder = `${root}${key}/`
    const readPage = async (token: string | undefined) => {
      const page = { Prefix: folder, Delimiter, ContinuationToken: token }
      const read = () => s3.send(new ListObjectsV2Command({ ...common, ...page }))
      return (await send('ListObjectsV2', read, [])).reply
    }
    return namesBelow(folder, readPage, url)
  }
  return {
    url,
    async get(key) {
      const s3 = await client()
      const read = async () => {
        const { Body, ETag } = await s3.send(new GetObjectCommand({ ...common, Key: root + key }))
        return { etag: etagOf(ETag), body: await readWithin(Body, MAX_SIZE) }
      }
      return (await send('GetObject', read, ['NoSuchKey', 'NotFound'])).reply
    },
    async put(key, body, expected) {
      const s3 = await client()
      const condition = expected === undefined ? { IfNoneMatch: '*' } : { IfMatch: expected }
      const input = { ...common, Key: root + key, Body: body, ...condition }
      const put = async () => etagOf((await s3.send(new PutObjectCommand(input))).ETag)
      const { reply, isAmbiguous } = await send('PutObject', put, CONDITION_NOT_MET)
      return { etag: reply, isAmbiguous }
    },
    async delete(key, expected, signal) {
      const s3 = await client()
      const input = { ...common, Key: root + key, IfMatch: expected }
      const remove = async () => {
        await s3.send(new DeleteObjectCommand(input), signal && { abortSignal: signal })
        return ''
      }
      const { reply, isAmbiguous } = await send('DeleteObject', remove, CONDITION_NOT_MET, signal)
      return { etag: reply, isAmbiguous }
    },
    list: (key) => list(key, '/'),
    listAll: (key) => list(key, undefined),
    async versioning() {
      const s3 = await client()
      const read = async () => {
        const { Status } = await s3.send(new GetBucketVersioningCommand(common))
        return Status === 'Enabled' ? 'enabled' : Status === 'Suspended' ? 'suspended' : 'off'
      }
      try {
        return (await send('GetBucketVersioning', read, ['NotImplemented'])).reply ?? 'unknown'
      } catch (error) {
        if (error instanceof KeymgmtError && error.code === 'STORE_UNAVAILABLE') return 'unknown'
        throw error
      }
    },
  }
}

/**
 * Returns the names below `folder`, from all pages of a list.
 * @throws KeymgmtError STORE_UNAVAILABLE if the server sends a page twice.
 */
async function namesBelow(
  folder: string,
  readPage: (token: string | undefined) => Promise<ListObjectsV2CommandOutput | undefined>,
  url: string,
): Promise<readonly string[]> {
  const names: string[] = []
  const seen = new Set<string | undefined>()
  for (let token: string | undefined; !seen.has(token);) {
    seen.add(token)
    const page = await readPage(token)
    for (const { Key = '' } of page?.Contents ?? []) names.push(Key.slice(folder.length))
    for (const { Prefix = '' } of page?.CommonPrefixes ?? [])
      names.push(Prefix.slice(folder.length, -1))
    if (!page?.IsTruncated) return names
    token = page.NextContinuationToken
  }
  throw new KeymgmtError('STORE_UNAVAILABLE', `the store ${url} sent the same page twice`, {
    hints: ['check the endpoint: S3 never does that'],
  })
}

/** The SDK sends every request once: {@link createSender} decides what is repeated. */
async function openClient(address: S3Address, options: BucketOptions): Promise<S3Client> {
  const { region } = address
  const connection = await openConnection({ region, credentials: {} }, options)
  const { configuration, transport, credentials } = connection
  const custom = address.endpoint
    ? { url: address.endpoint, source: 'endpoint= in the URL of the store' }
    : customEndpoint(configuration, 's3')
  const endpoint = endpointConfig(configuration, 's3', custom)
  return new S3Client({
    ...clientConfig(configuration, options),
    region,
    credentials,
    maxAttempts: 1,
    requestHandler: new AbortableHandler(options.signal, transport),
    requestChecksumCalculation: 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_SUPPORTED',
    disableMultiregionAccessPoints: true,
    // S3-compatible servers have no host name for each bucket.
    ...endpoint,
    forcePathStyle: custom !== undefined,
  })
}

/** A reply, or undefined if S3 refused with one of the errors in `refusals`. */
interface Sent<T> {
  readonly reply: T | undefined
  readonly isAmbiguous: boolean
}

function createSender(url: string, { signal, onWait }: BucketOptions) {
  return async <T>(
    operation: S3Operation,
    attemptOnce: () => Promise<T>,
    refusals: Iterable<string>,
    ownSignal = signal,
  ): Promise<Sent<T>> => {
    const started = performance.now()
    let isAmbiguous = false
    for (let attempt = 1; ; attempt++) {
      try {
        return { reply: await attemptOnce(), isAmbiguous }
      } catch (error) {
        const failure = readFailure(error)
        assertRunning(ownSignal, operation)
        if (failure.status !== undefined && [...refusals].includes(failure.name))
          return { reply: undefined, isAmbiguous }
        isAmbiguous ||= mayBeDone(failure)
        const delay = retryAfter(failure, attempt, performance.now() - started)
        if (delay === undefined) throw s3Error(failure, operation, url)
        if (delay >= NOTICEABLE_MS)
          onWait?.(`${operation}: waiting ${(delay / 1000).toFixed(1)} s after ${failure.name}`)
        await sleep(delay, undefined, { signal: ownSignal }).catch(() => undefined)
        assertRunning(ownSignal, operation)
      }
    }
  }
}

function assertRunning({ aborted, reason }: AbortSignal, operation: S3Operation): void {
  if (!aborted) return
  const { code, message, hints } =
    reason instanceof KeymgmtError ? reason : new KeymgmtError('INTERRUPTED', 'interrupted')
  throw new KeymgmtError(code, `${message}, at ${operation} in the store`, {
    hints: [...hints, 'run the same command again: it continues where this one stopped'],
  })
}

/** The reply is untrusted: an ETag is sent back in a header. */
function etagOf(etag: unknown): string {
  if (typeof etag === 'string' && /^"[\x21\x23-\x7e]{1,200}"$/.test(etag)) return etag
  throw Object.assign(new Error('the reply has no valid ETag'), { name: 'MalformedResponse' })
}

/** @throws Error if the body has more than `bound` bytes. Nothing more is then read. */
async function readWithin(body: unknown, bound: number): Promise<Uint8Array> {
  if (!(body instanceof Readable)) throw new Error('the reply has no body')
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > bound) throw new Error(`the object has more than ${bound} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
