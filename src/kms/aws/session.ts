import type { KMSClient } from '@aws-sdk/client-kms'
import { KeymgmtError } from '../../errors.js'
import { readFailure } from './errors.js'
import type { Caller } from './retry.js'

/** What is needed to talk to AWS KMS in one Region. */
export interface Reach {
  readonly region: string
  readonly client: KMSClient
  readonly call: Caller
  /** How long AWS may take to show what it has made, in milliseconds. */
  readonly settlingMs: number
}

/** What a call to one KMS key is about, for its errors. */
export function about({ region }: Reach, operation: string, keyId: string) {
  return { operation, region, subject: `KMS key ${keyId}` }
}

/** One page of a list; what AWS KMS gives for a marker is text, but it comes from outside. */
interface Page {
  readonly Truncated?: boolean | undefined
  readonly NextMarker?: unknown
}

/**
 * The pages of a list, as long as they are read.
 * @throws KeymgmtError KMS_FAILED when they go round in a circle.
 */
export async function* pages<P extends Page>(
  operation: string,
  ask: (from: { readonly Marker?: string }) => Promise<P>,
): AsyncGenerator<P> {
  const seen = new Set<string>()
  for (let from: { Marker?: string } = {}; ;) {
    const page = await ask(from)
    yield page
    const { Truncated, NextMarker } = page
    if (!Truncated || !NextMarker) return
    if (typeof NextMarker !== 'string' || seen.has(NextMarker))
      throw new KeymgmtError('KMS_FAILED', `${operation} answered with the same page again`)
    seen.add(NextMarker)
    from = { Marker: NextMarker }
  }
}

/** The entries of a list that came from outside: whatever is none is left out. */
export function entriesOf<T>(list: readonly T[] | undefined): readonly NonNullable<T>[] {
  return Array.isArray(list)
    ? (list as readonly T[]).filter((entry) => typeof entry === 'object' && entry !== null)
    : []
}

/** Whether `error` is AWS's refusal called `name`. */
export function isRefusal(error: unknown, name: string): boolean {
  return readFailure((error as Error).cause).name === name
}

/**
 * Runs `call` and tells whether AWS refused it with the error called `name`; every other error is
 * thrown.
 */
export async function unless(name: string, call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call()
    return false
  } catch (error) {
    if (!isRefusal(error, name)) throw error
    return true
  }
}
