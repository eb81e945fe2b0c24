import { afterEach, describe, expect, it } from '@jest/globals'
import {
  startS3Server,
  storeUrl,
  type S3Fault,
  type S3Request,
  type S3Server,
  type S3ServerOptions,
} from '../../../support/s3-server.js'
import { storeOn } from './open.js'

let server: S3Server
afterEach(() => server.close())

const bytes = (text: string) => Buffer.from(text)

/** Starts a server that fails at the given requests with this method, counted from 1. */
async function failing(method: string, faults: readonly (S3Fault | undefined)[]) {
  let count = 0
  const fault = (request: S3Request) => (request.method === method ? faults[count++] : undefined)
  server = await startS3Server({ fault })
  return storeOn(server)
}

const LOST: readonly S3Fault[] = [
  { at: 'after', drop: true },
  { at: 'after', status: 500, code: 'InternalError' },
  { at: 'after', status: 503, code: 'SlowDown' },
]

describe.each(LOST)('a reply that was lost: %j', (lost) => {
  it('a new record is no conflict', async () => {
    const store = await failing('PUT', [lost])
    const revision = await store.put('key/app', bytes('one'), undefined)
    expect(await store.get('key/app')).toEqual({ revision, value: bytes('one') })
    expect(server.versions.get('prod/records/key/app')).toHaveLength(1)
  })
  it('a replaced record is no conflict', async () => {
    const store = await failing('PUT', [undefined, lost])
    const first = await store.put('key/app', bytes('one'), undefined)
    const second = await store.put('key/app', bytes('two'), first)
    expect(await store.get('key/app')).toEqual({ revision: second, value: bytes('two') })
    expect(server.versions.get('prod/records/key/app')).toHaveLength(2)
  })
  it('a deleted record is no conflict', async () => {
    const store = await failing('DELETE', [lost])
    await store.delete('key/app', await store.put('key/app', bytes('one'), undefined))
    expect(await store.get('key/app')).toBeUndefined()
  })
})

it('a real conflict after a lost reply is a conflict', async () => {
  const store = await failing('PUT', [undefined, { at: 'before', drop: true }])
  const first = await store.put('key/app', bytes('one'), undefined)
  const other = storeOn(server)
  const [slow, fast] = await Promise.allSettled([
    store.put('key/app', bytes('mine'), first),
    other.put('key/app', bytes('theirs'), first),
  ])
  expect([slow.status, fast.status].sort()).toEqual(['fulfilled', 'rejected'])
})

it.each([
  [{ at: 'before', status: 500, code: 'InternalError' }],
  [{ at: 'before', status: 503, code: 'SlowDown' }],
  [{ at: 'before', status: 409, code: 'ConditionalRequestConflict' }],
  [{ at: 'before', drop: true }],
] as const)('a request that failed is repeated: %j', async (fault) => {
  const store = await failing('PUT', [fault, fault])
  await store.put('key/app', bytes('one'), undefined)
  expect(server.versions.get('prod/records/key/app')).toHaveLength(1)
})

it('a conditional deletion that S3 confirms for an absent object is a conflict', async () => {
  server = await startS3Server({ deletesAbsent: true })
  const store = storeOn(server)
  const revision = await store.put('key/app', bytes('one'), undefined)
  await store.delete('key/app', revision)
  await expect(store.delete('key/app', revision)).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
})

describe('an error names the request and the next step', () => {
  const errorOf = async (options: S3ServerOptions, url?: (server: S3Server) => string) => {
    server = await startS3Server(options)
    const store = storeOn(server, url ? { url: url(server) } : {})
    return store.get('key/app').then(
      () => undefined,
      (error: unknown) => error,
    )
  }
  const failure = (status: number, code: string): S3ServerOptions => ({
    fault: () => ({ at: 'before', status, code }),
  })
  it('access denied: the action', async () => {
    expect(await errorOf(failure(403, 'AccessDenied'))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('GetObject: AccessDenied: AccessDenied, says the server'),
      requestId: 'REQUEST1',
      hints: [
        "allow s3:GetObject and s3:ListBucket in the IAM policy of the user or role, and in the bucket's policy",
        'to print the policies that a user and the bucket need: keymgmt policy store',
      ],
    })
  })
  it('access denied to the KMS key of the bucket: the action', async () => {
    const text = 'User: me is not authorized to perform: kms:GenerateDataKey on this resource'
    expect(
      await errorOf({ fault: () => ({ at: 'before', status: 403, code: 'AccessDenied', text }) }),
    ).toMatchObject({
      hints: expect.arrayContaining([
        'allow kms:GenerateDataKey on the KMS key with which the bucket encrypts, through S3: keymgmt policy store -bucket-key=ARN',
      ]),
    })
  })
  it('a bucket that does not exist', async () => {
    expect(
      await errorOf({}, (running) => storeUrl({ ...running, bucket: 'other-keys' })),
    ).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      hints: ["create the bucket, or correct its name in the store's URL"],
    })
  })
  it('a bucket of another owner', async () => {
    expect(
      await errorOf({}, (running) => `${storeUrl(running)}&expected_owner=999988887777`),
    ).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      requestId: 'REQUEST1',
      hints: expect.arrayContaining([
        'check expected_owner= in its URL: the bucket must belong to that account',
      ]),
    })
  })
  it('a bucket in another Region', async () => {
    expect(await errorOf(failure(301, 'PermanentRedirect'))).toMatchObject({
      hints: ["correct region= in the store's URL: the bucket is in another Region"],
    })
  })
  it('a request that the server does not implement, which is sent once', async () => {
    expect(await errorOf(failure(501, 'NotImplemented'))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      hints: ['use Amazon S3, or a server that implements this request of S3; nothing was changed'],
    })
    expect(server.requests).toHaveLength(1)
  })
  it('an expired session', async () => {
    expect(await errorOf(failure(400, 'ExpiredToken'))).toMatchObject({ code: 'KMS_CREDENTIALS' })
  })
})

it('ends with the signal', async () => {
  server = await startS3Server()
  const controller = new AbortController()
  const store = storeOn(server, { signal: controller.signal })
  controller.abort()
  await expect(store.get('key/app')).rejects.toMatchObject({ code: 'INTERRUPTED' })
})

it('lists more names than a page has', async () => {
  server = await startS3Server({ pageSize: 7 })
  const store = storeOn(server)
  const names = Array.from({ length: 40 }, (_, n) => `k${n}`)
  await Promise.all(names.map((name) => store.put(`key/${name}`, bytes(name), undefined)))
  expect(await store.list('key')).toEqual(names.sort())
  expect(server.requests.filter(({ query }) => query.has('list-type'))).toHaveLength(6)
})
