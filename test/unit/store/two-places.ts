import { afterEach, beforeEach } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpenedStore } from '../../../src/store/index.js'
import type { LeaseTimes } from '../../../src/store/s3/lease.js'
import { startS3Server, type S3Request, type S3Server } from '../../support/s3-server.js'

/** Leases that a test can outlast. */
export const TIMES: LeaseTimes = { lengthMs: 4_000, renewMs: 500, pollMs: 20 }

/** A folder and a server for the stores of one test. */
export interface Places {
  folder: string
  server: S3Server
  /** Holds a request back until the promise resolves. */
  hold: (request: S3Request) => Promise<void> | undefined
  keyfile: () => string
}

/** Returns the places of the test that runs. Each test gets new ones. */
export function useTwoPlaces(): Places {
  const places = { keyfile: () => join(places.folder, 'keyfile') } as Places
  beforeEach(async () => {
    places.folder = mkdtempSync(join(tmpdir(), 'keymgmt-places-'))
    places.hold = () => undefined
    places.server = await startS3Server({ hold: (request) => places.hold(request) })
  })
  afterEach(async () => {
    rmSync(places.folder, { recursive: true, force: true })
    await places.server.close()
  })
  return places
}

/** Returns a record as text; empty if there is none. */
export async function textOf({ store }: OpenedStore, path: string): Promise<string> {
  return Buffer.from((await store.get(path))?.value ?? []).toString()
}
