import { hostname, userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeymgmtError } from '../../errors.js'
import { identifyProcess } from '../process-identity.js'
import type { Lock } from '../store.js'
import type { Bucket } from './bucket.js'
import { isWithin, readClocks, type Clocks } from './clocks.js'
import { createObjects, type Objects } from './objects.js'

/*
 * A lock on S3 is a lease: an object that its holder renews. Nobody can find out if a process on
 * another machine has ended. Therefore a waiter takes over a lease that has not changed for its
 * whole length, by the waiter's own clock. Each change is a compare-and-set.
 *
 * A holder that was stopped for longer can lose its lease without noticing. Therefore correctness
 * depends on the conditions of each write, and a lease only keeps commands from wasting work.
 */

/** The times of a lease, in milliseconds. */
export interface LeaseTimes {
  /** A lease that has not changed for this long can be taken over. */
  readonly lengthMs: number
  /** The interval at which its holder renews it. */
  readonly renewMs: number
  /** The longest pause between two checks by a waiter. */
  readonly pollMs: number
}

/** The times of every store. Tests have shorter ones. */
export const LEASE_TIMES: LeaseTimes = { lengthMs: 60_000, renewMs: 20_000, pollMs: 1_000 }

/** The options for acquiring a lease. */
export interface LeaseOptions {
  readonly signal: AbortSignal
  readonly waitMs: number
  readonly times: LeaseTimes
  /** The command that acquires it, without its data. */
  readonly command?: string | undefined
  /** Receives one message for the user if the wait exceeds a second. */
  readonly onWait?: ((message: string) => void) | undefined
}

/** A lease that this process acquired. */
export interface Lease extends Lock {
  /**
   * Makes sure that the lease lasts for `ms` more milliseconds, and renews it if necessary.
   * @throws KeymgmtError STORE_LOCKED, with the name of the new holder, if it is lost, or if no
   * lease lasts that long.
   */
  outlast(ms: number): Promise<void>
}

/** The holder of a lease, as its object describes it. */
interface Holder {
  readonly user: string
  readonly host: string
  readonly pid: number
  /** Absent if a program uses the library. */
  readonly command?: string | undefined
  readonly purpose: string
  readonly since: string
  /** Number of renewals so far. */
  readonly renewals: number
}

/** The folder of all leases of a store. */
export const LEASES = 'leases'

/** Longer than S3 takes to delete an object; a lease that stays runs out. */
const RELEASE_MS = 5_000

/**
 * Acquires the lease in the object `key`.
 * @throws KeymgmtError STORE_LOCKED, with the name of the holder, if the wait times out.
 */
export async function takeLease(
  bucket: Bucket,
  key: string,
  purpose: string,
  options: LeaseOptions,
): Promise<Lease> {
  const { times } = options
  const objects = createObjects(bucket)
  const holder = describeSelf(purpose, options.command)
  const watch = createWatch(times)
  const pause = createPause(options)
  let mayTake = true
  for (;;) {
    const sent = readClocks()
    const etag = mayTake ? await objects.put(key, encode(holder), watch.expired()) : undefined
    if (etag !== undefined) return hold(bucket, objects, key, { times, holder, etag, sent })
    const found = await objects.get(key)
    watch.see(found?.etag)
    mayTake = found === undefined || watch.expired() !== undefined
    if (found !== undefined && !mayTake) await pause(found.value)
  }
}

/**
 * Returns a function that pauses before the next look at a lease that somebody holds. It throws
 * when the wait is over.
 */
function createPause({ signal, waitMs, times, onWait }: LeaseOptions) {
  const started = performance.now()
  let notify = onWait
  let look = 0
  return async (value: Uint8Array) => {
    const waited = performance.now() - started
    if (waited >= waitMs) throw lockedError(decode(value))
    if (waited > 1_000) {
      notify?.(`waiting for ${describe(decode(value))}`)
      notify = undefined
    }
    const pause = Math.min(50 * 2 ** Math.min(look++, 10), times.pollMs) * (0.5 + Math.random() / 2)
    await sleep(Math.min(pause, waitMs - waited), undefined, { signal }).catch(() => undefined)
    if (signal.aborted) throw interruption(signal, decode(value))
  }
}

/**
 * Waits until all leases in `bucket` that are held now, except the lease `own`, are released or
 * have run out.
 * @throws KeymgmtError STORE_LOCKED if that takes longer than `waitMs`.
 */
export async function awaitLeases(
  bucket: Bucket,
  own: string,
  options: LeaseOptions,
): Promise<void> {
  const names = await bucket.listAll(LEASES)
  const others = names.filter((name) => name !== own)
  await Promise.all(others.map((name) => awaitHolder(bucket, `${LEASES}/${name}`, options)))
}

/** Waits until the holder has released the lease, or it has run out. */
async function awaitHolder(bucket: Bucket, key: string, options: LeaseOptions): Promise<void> {
  const objects = createObjects(bucket)
  const watch = createWatch(options.times)
  const pause = createPause(options)
  let first: string | undefined
  for (;;) {
    const found = await objects.get(key)
    watch.see(found?.etag)
    if (!found || watch.expired() !== undefined) return
    // Another holder acquired the lease later.
    const holder = JSON.stringify({ ...decode(found.value), renewals: 0 })
    if (holder !== (first ??= holder)) return
    await pause(found.value)
  }
}

/** Remembers since when a lease has been the same, by this process's own clock. */
function createWatch({ lengthMs }: LeaseTimes) {
  let etag: string | undefined
  let since = 0
  return {
    see(current: string | undefined) {
      if (current === etag) return
      etag = current
      since = performance.now()
    },
    /** The ETag of a lease that has run out; undefined if the lease was free or is in use. */
    expired: () => (etag !== undefined && performance.now() - since >= lengthMs ? etag : undefined),
  }
}

interface Held {
  readonly times: LeaseTimes
  readonly holder: Holder
  readonly etag: string
  /** The time at which the request that acquired the lease was sent. */
  readonly sent: Clocks
}

/** Renews the lease until it is released or lost. The timer does not keep the process alive. */
function hold(
  bucket: Bucket,
  objects: Objects,
  key: string,
  { holder, etag: first, times, sent }: Held,
): Lease {
  let etag: string | undefined = first
  let renewed = sent
  let renewals = 0
  let renewal = Promise.resolve()
  const renew = async () => {
    if (etag === undefined) return
    renewals++
    const now = readClocks()
    try {
      etag = await objects.put(key, encode({ ...holder, renewals }), etag)
      renewed = now
    } catch {
      // The next renewal tries again. Without any, another process takes the lease over.
    }
  }
  const renewNext = () => (renewal = renewal.then(renew))
  const timer = setInterval(() => void renewNext(), times.renewMs).unref()
  const lasts = (ms: number) =>
    etag !== undefined && isWithin(times.lengthMs - ms, renewed, readClocks())
  return {
    isHeld: () => lasts(0),
    async outlast(ms) {
      if (lasts(ms)) return
      await renewNext()
      if (lasts(ms)) return
      throw lostError(key, holder, decode((await objects.get(key))?.value))
    },
    async release() {
      clearInterval(timer)
      await renewal
      const current = etag
      etag = undefined
      if (current === undefined) return
      // Also after an interruption, for which every other request ends.
      const deadline = AbortSignal.timeout(RELEASE_MS)
      await bucket.delete(key, current, deadline).catch(() => undefined)
    },
  }
}

function describeSelf(purpose: string, command: string | undefined): Holder {
  const { pid } = identifyProcess()
  const since = new Date().toISOString()
  return { user: userName(), host: hostname(), pid, command, purpose, since, renewals: 0 }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container's user can have no name.
    return 'unknown'
  }
}

function encode(holder: Holder): Uint8Array {
  return Buffer.from(JSON.stringify(holder))
}

/** The object is untrusted: undefined if this module did not write it. */
function decode(value: Uint8Array = new Uint8Array()): Holder | undefined {
  try {
    const holder = (JSON.parse(Buffer.from(value).toString()) ?? {}) as Holder
    const texts = [holder.user, holder.host, holder.purpose, holder.since]
    return texts.every((text) => typeof text === 'string') ? holder : undefined
  } catch {
    return undefined
  }
}

function describe(holder: Holder | undefined): string {
  if (!holder) return 'a lock with unknown content'
  const { user, host, pid, command, purpose } = holder
  const process = `process ${pid}${typeof command === 'string' ? `, ${command}` : ''}`
  return `${user} on ${host} (${process}): ${purpose}`
}

function lockedError(holder: Holder | undefined): KeymgmtError {
  const since = holder ? ` has held the lock since ${holder.since}` : ''
  return new KeymgmtError('STORE_LOCKED', `timed out waiting for ${describe(holder)}${since}`, {
    hints: ['wait until it ends, or stop it, then run the same command again'],
  })
}

function lostError(key: string, own: Holder, current: Holder | undefined): KeymgmtError {
  const isOther = current && describe(current) !== describe(own)
  const by = isOther ? `, and is now held by ${describe(current)}` : ''
  return new KeymgmtError(
    'STORE_LOCKED',
    `this command was stopped for too long, or could not reach the store: its lock ${key.replace(`${LEASES}/`, '')} has run out${by}`,
    {
      hints: [
        'another command may have done its work: look with keymgmt read, then run the same command again if it is still needed',
      ],
    },
  )
}

function interruption({ reason }: AbortSignal, holder: Holder | undefined): KeymgmtError {
  const { code, message, hints } =
    reason instanceof KeymgmtError ? reason : new KeymgmtError('INTERRUPTED', 'interrupted')
  return new KeymgmtError(code, `${message}, waiting for ${describe(holder)}`, {
    hints: [...hints, 'wait until it ends, or stop it, then run the same command again'],
  })
}
