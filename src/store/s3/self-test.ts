import { randomBytes } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import type { Bucket } from './bucket.js'
import { createObjects } from './objects.js'

/** Requests with conditions that must fail, sent for each rule. */
const REFUSALS = 56
/** Requests that are under way at the same time. */
const WRITERS = 8
/** Races, and increments of a counter by each writer. */
const ROUNDS = 4

/** An object of the test, and the operations on it. */
interface Probe {
  read(): Promise<{ readonly etag: string; readonly text: string } | undefined>
  /** Returns the new ETag; undefined if the server refused. */
  put(text: string, expected: string | undefined): Promise<string | undefined>
  /** Returns true if the server confirmed it. */
  delete(expected: string): Promise<boolean>
}

interface Rule {
  readonly text: string
  /** Returns true if the server keeps the rule. No object exists at the start. */
  readonly isKept: (probe: Probe) => Promise<boolean>
}

/** No object of the test has this ETag. */
const UNKNOWN = '"00000000000000000000000000000000"'

const RULES: readonly Rule[] = [
  {
    text: 'If-None-Match: * refuses to replace an object',
    isKept: async (probe) => {
      await probe.put('first', undefined)
      return refusesAll((n) => probe.put(`other ${n}`, undefined), probe, 'first')
    },
  },
  {
    text: 'If-Match refuses to replace an object that has changed',
    isKept: async (probe) => {
      const old = await probe.put('first', undefined)
      await probe.put('second', old)
      return refusesAll((n) => probe.put(`other ${n}`, old ?? UNKNOWN), probe, 'second')
    },
  },
  {
    text: 'If-Match refuses to create an object',
    isKept: (probe) => refusesAll((n) => probe.put(`other ${n}`, UNKNOWN), probe, undefined),
  },
  {
    text: 'If-Match refuses to delete an object that has changed',
    isKept: async (probe) => {
      const old = await probe.put('first', undefined)
      await probe.put('second', old)
      return refusesAll(() => probe.delete(old ?? UNKNOWN), probe, 'second')
    },
  },
  {
    text: 'deleting an object that does not exist, with If-Match, changes nothing',
    isKept: async (probe) => {
      // S3-compatible servers differ in the reply.
      await Promise.all(range(WRITERS).map(() => probe.delete(UNKNOWN)))
      return (await probe.put('first', undefined)) !== undefined
    },
  },
  {
    text: 'one of several writers that create an object at the same time succeeds',
    isKept: async (probe) => {
      for (const round of range(ROUNDS)) {
        const name = (n: number) => `writer ${n} of round ${round}`
        const etags = await Promise.all(range(WRITERS).map((n) => probe.put(name(n), undefined)))
        const winners = range(WRITERS).filter((n) => etags[n] !== undefined)
        const current = await probe.read()
        if (winners.length !== 1 || current?.text !== name(winners[0] ?? 0)) return false
        await probe.delete(current.etag)
      }
      return true
    },
  },
  {
    text: 'no writer replaces what another one has just written',
    isKept: async (probe) => {
      await probe.put('0', undefined)
      await Promise.all(range(WRITERS).map(() => increment(probe, ROUNDS)))
      // More than that if a confirmation was lost.
      return Number((await probe.read())?.text) >= WRITERS * ROUNDS
    },
  },
]

/**
 * Proves that the server at `bucket` keeps the conditions that a store depends on, with at least
 * 200 conditional requests. Leaves no object behind. Returns the number of conditional requests.
 * @throws KeymgmtError STORE_UNAVAILABLE, with the rule that the server breaks.
 */
export async function testConditions(bucket: Bucket): Promise<number> {
  const folder = `self-test/${randomBytes(8).toString('hex')}`
  let requests = 0
  for (const [index, { text, isKept }] of RULES.entries()) {
    const probe = createProbe(bucket, `${folder}/${index}`, () => {
      requests++
    })
    const holds = await isKept(probe)
    await remove(probe)
    if (!holds) throw brokenRule(bucket.url, text)
  }
  return requests
}

function createProbe(bucket: Bucket, key: string, onRequest: () => void): Probe {
  const objects = createObjects(bucket)
  return {
    async read() {
      const found = await objects.get(key)
      return found && { etag: found.etag, text: Buffer.from(found.value).toString() }
    },
    put: (text, expected) => {
      onRequest()
      return objects.put(key, Buffer.from(text), expected)
    },
    async delete(expected) {
      onRequest()
      return (await bucket.delete(key, expected)).etag !== undefined
    },
  }
}

/** Sends requests that must be refused. Returns true if they were, and the object has `text`. */
async function refusesAll(
  send: (n: number) => Promise<string | undefined | boolean>,
  probe: Probe,
  text: string | undefined,
): Promise<boolean> {
  for (let sent = 0; sent < REFUSALS; sent += WRITERS) {
    const results = await Promise.all(range(WRITERS).map((n) => send(sent + n)))
    if (results.some(Boolean)) return false
  }
  return (await probe.read())?.text === text
}

/** Adds 1 to the counter `times` times, and tries again after each conflict. */
async function increment(probe: Probe, times: number): Promise<void> {
  for (let done = 0; done < times;) {
    const current = await probe.read()
    if (!current) return
    if (await probe.put(String(Number(current.text) + 1), current.etag)) done++
  }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, n) => n)
}

async function remove(probe: Probe): Promise<void> {
  const current = await probe.read()
  if (current) await probe.delete(current.etag)
}

function brokenRule(url: string, rule: string): KeymgmtError {
  return new KeymgmtError(
    'STORE_UNAVAILABLE',
    `the server of ${url} would lose changes: it breaks the rule "${rule}"`,
    {
      hints: [
        'use Amazon S3, or a server that keeps the conditions of S3; nothing was changed in the store',
      ],
    },
  )
}
