import type { KMSClient } from '@aws-sdk/client-kms'
import { readFailure } from './errors.js'
import type { Caller } from './caller.js'

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

/** Whether `error` is AWS's refusal called `name`. */
export function isRefusal(error: unknown, name: string): boolean {
  return readFailure((error as Error).cause).name === name
}

/** Runs `call` and tells whether AWS refused it with the error called `name`; every other error is thrown. */
export async function unless(name: string, call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call()
    return false
  } catch (error) {
    if (!isRefusal(error, name)) throw error
    return true
  }
}
