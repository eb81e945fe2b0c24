import type { KMSClient } from '@aws-sdk/client-kms'
import type { STSClient } from '@aws-sdk/client-sts'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeymgmtError } from '../../errors.js'
import type { KmsKey } from '../kms-key.js'
import type { KmsEndpoint } from '../provider.js'

/** The client for AWS KMS in one Region. */
export interface Session {
  readonly region: string
  readonly client: KMSClient
  /** Opens the client for STS. */
  readonly sts: () => Promise<STSClient>
  readonly endpoint: KmsEndpoint
  /** Longest time until AWS shows a new KMS key, in milliseconds. */
  readonly settlingMs: number
  /** Ends a wait. The next request then fails with the reason. */
  readonly signal: AbortSignal
}

/**
 * Returns the name of a KMS key for a request: its ARN, which includes the account. In another
 * Region, returns the id, which replicas share.
 */
export function keyIdIn({ region }: Session, { id, arn }: KmsKey): string {
  return arn.split(':')[3] === region ? arn : id
}

/** Returns the ARN of a replica: the ARN of its primary, with another Region. */
export function replicaArn(primaryArn: string, region: string): string {
  return primaryArn.replace(/^(arn:[^:]*:kms:)[^:]*/, `$1${region}`)
}

/** Milliseconds between two requests for the state of one KMS key. */
export const LOOK_EVERY_MS = 100

/** Milliseconds between two searches for something that AWS may not show yet. */
const SEARCH_EVERY_MS = 2_000

/**
 * Returns the schedule of a search for something that was requested at `since`. It ends when AWS
 * must show it.
 */
export function untilSettled({ settlingMs }: Session, since: Date): PollSchedule {
  const withinMs = Math.min(settlingMs, Math.max(0, since.getTime() + settlingMs - Date.now()))
  return { withinMs, everyMs: SEARCH_EVERY_MS }
}

interface PollSchedule {
  readonly withinMs: number
  readonly everyMs: number
}

/**
 * Calls `look` until it returns a value or `withinMs` milliseconds have passed on a monotonic
 * clock.
 */
export async function pollUntil<T>(
  { signal }: Session,
  { withinMs, everyMs }: PollSchedule,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await look()
    const left = deadline - performance.now()
    if (found !== undefined || left <= 0) return found
    await sleep(Math.min(left, everyMs), undefined, { signal }).catch(() => undefined)
  }
}

/** One page of a list. AWS KMS sends text as the marker, but the reply is untrusted. */
interface Page {
  readonly Truncated?: boolean | undefined
  readonly NextMarker?: unknown
}

/**
 * Returns the pages of one of the SDK's paginators, which would follow repeated markers without
 * end.
 * @throws KeymgmtError KMS_FAILED if a marker is repeated or is not text.
 */
export async function* boundedPages<P extends Page>(
  operation: string,
  pages: AsyncIterable<P>,
): AsyncGenerator<P> {
  const seen = new Set<string>()
  for await (const page of pages) {
    yield page
    const { Truncated, NextMarker } = page
    if (!Truncated || !NextMarker) return
    if (typeof NextMarker !== 'string' || seen.has(NextMarker))
      throw new KeymgmtError('KMS_FAILED', `${operation} returned the same page again`)
    seen.add(NextMarker)
  }
}

/** Drops entries that are not objects: the reply is untrusted. */
export function entriesOf<T>(list: readonly T[] | undefined): readonly NonNullable<T>[] {
  return Array.isArray(list)
    ? (list as readonly T[]).filter((entry) => typeof entry === 'object' && entry !== null)
    : []
}
