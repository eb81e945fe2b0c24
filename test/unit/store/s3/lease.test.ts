import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { hostname, userInfo } from 'node:os'
import type { LeaseTimes } from '../../../../src/store/s3/lease.js'
import { startS3Server, type S3Server } from '../../../support/s3-server.js'
import { storeOn } from './open.js'

let server: S3Server
beforeEach(async () => {
  server = await startS3Server()
})
afterEach(() => server.close())

const KEY = 'prod/leases/key/app'
const current = () => server.versions.get(KEY)?.at(-1)
const NEVER: LeaseTimes = { lengthMs: 3_600_000, renewMs: 3_600_000, pollMs: 20 }

it('is an object that a release deletes, also after an interruption', async () => {
  const controller = new AbortController()
  const store = storeOn(server, { signal: controller.signal })
  const lock = await store.lock('key/app', 'rotate the key app')
  expect(JSON.parse(current()?.body.subarray(17).toString() ?? '')).toMatchObject({
    pid: process.pid,
    purpose: 'rotate the key app',
  })
  controller.abort()
  await lock.release()
  expect(current()).toBeUndefined()
})

it('is renewed while it is held, and then not taken over', async () => {
  const times: LeaseTimes = { lengthMs: 2_000, renewMs: 20, pollMs: 20 }
  const lock = await storeOn(server, { leaseTimes: times }).lock('key/app', 'first')
  const waiter = storeOn(server, { leaseTimes: times, lockWaitMs: 3_000 })
  await expect(waiter.lock('key/app', 'second')).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  await lock.release()
  expect(server.versions.get(KEY)?.length).toBeGreaterThan(5)
})

it('is taken over if it has not changed for its length, and the first holder then leaves it', async () => {
  const first = await storeOn(server, { leaseTimes: NEVER }).lock('key/app', 'first')
  const other = storeOn(server, { leaseTimes: { ...NEVER, lengthMs: 100 } })
  const second = await other.lock('key/app', 'second')
  await first.release()
  expect(current()?.body.toString()).toContain('second')
  await second.release()
  expect(current()).toBeUndefined()
})

it('a holder that lost it does not take it back with a renewal', async () => {
  const first = await storeOn(server, { leaseTimes: { ...NEVER, renewMs: 400 } }).lock(
    'key/app',
    'first',
  )
  const before = server.versions.get(KEY)?.length
  const second = await storeOn(server, { leaseTimes: { ...NEVER, lengthMs: 100 } }).lock(
    'key/app',
    'second',
  )
  expect(server.versions.get(KEY)?.length).toBe((before ?? 0) + 1)
  const isRenewal = () =>
    server.requests.filter(({ method, key }) => method === 'PUT' && key === KEY).length > 3
  while (!isRenewal()) await new Promise((resolve) => setTimeout(resolve, 20))
  await first.release()
  expect(current()?.body.toString()).toContain('second')
  await second.release()
})

it('names its holder to a command that waits, and in the error at the time limit', async () => {
  const command = 'keymgmt write keymgmt/key/app/rotate'
  const first = storeOn(server, { leaseTimes: NEVER, command })
  const lock = await first.lock('key/app', 'rotate the key app')
  const messages: string[] = []
  const waiter = storeOn(server, {
    leaseTimes: NEVER,
    lockWaitMs: 1_500,
    onWait: (message) => messages.push(message),
  })
  const { username } = userInfo()
  const holder = `${username} on ${hostname()} (process ${process.pid}, ${command}): rotate the key app`
  await expect(waiter.lock('key/app', 'second')).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    message: expect.stringContaining(holder),
  })
  expect(messages).toEqual([expect.stringContaining(holder)])
  await lock.release()
})

describe('a lease that must outlast a request', () => {
  const renewals = () => server.versions.get(KEY)?.length ?? 0

  it('is renewed if it would run out before, also after the machine slept', async () => {
    const store = storeOn(server, { leaseTimes: NEVER })
    const lock = await store.lock('key/app', 'first')
    await store.leases?.outlast(NEVER.lengthMs / 2)
    expect(renewals()).toBe(1)
    // The monotonic clock does not show that.
    const wake = Date.now() + (NEVER.lengthMs * 3) / 4
    jest.spyOn(Date, 'now').mockReturnValue(wake)
    await store.leases?.outlast(NEVER.lengthMs / 2)
    expect(renewals()).toBe(2)
    jest.restoreAllMocks()
    await lock.release()
    await store.leases?.outlast(NEVER.lengthMs)
  })

  it('is an error if another process has it, which the error names', async () => {
    const store = storeOn(server, { leaseTimes: { ...NEVER, lengthMs: 100 } })
    const first = await store.lock('key/app', 'first')
    const other = storeOn(server, { leaseTimes: { ...NEVER, lengthMs: 100 } })
    const second = await other.lock('key/app', 'second')
    await expect(store.leases?.outlast(1)).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      message: expect.stringMatching(
        `its lock key/app has run out, and is now held by .* \\(process ${process.pid}\\): second`,
      ),
    })
    await first.release()
    await second.release()
  })

  it('is an error if no lease lasts that long', async () => {
    const lengthMs = 100
    const store = storeOn(server, { leaseTimes: { ...NEVER, lengthMs } })
    const lock = await store.lock('key/app', 'first')
    await expect(store.leases?.outlast(lengthMs)).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    await lock.release()
  })
})

it('ends the wait with the signal', async () => {
  const lock = await storeOn(server, { leaseTimes: NEVER }).lock('key/app', 'first')
  const controller = new AbortController()
  const waiter = storeOn(server, { leaseTimes: NEVER, signal: controller.signal })
  const waiting = waiter.lock('key/app', 'second')
  setTimeout(() => {
    controller.abort()
  }, 100)
  await expect(waiting).rejects.toMatchObject({ code: 'INTERRUPTED' })
  await lock.release()
})
