import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { randomBytes } from 'node:crypto'
import { createTestbed, type Ran, type Testbed } from '../../../support/keymgmt.js'
import type { Place } from '../suite.js'

/** A server of the S3 protocol, with a bucket. */
export interface S3Place extends Place {
  readonly endpoint: string
  /** Returns the URL of a store at an endpoint of the server. */
  readonly urlAt: (endpoint: string, prefix: string) => string
  /** The URL of a store that does not exist yet, a different one for each call. */
  readonly newStoreUrl: () => string
  /** Runs `use` with the real binary, a new home and a new store, on the embedded KMS. */
  readonly withUser: (use: (user: S3User) => Promise<void>) => Promise<void>
}

/** A user of the real binary with a store in the bucket. */
export interface S3User {
  readonly testbed: Testbed
  readonly storeUrl: string
  readonly run: (line: string, storeUrl?: string) => Promise<Ran>
  /** Runs a command that must succeed, and returns its stdout. */
  readonly ok: (line: string, storeUrl?: string) => Promise<string>
}

const BUCKET = 'acme-keys'
const REGION = 'us-east-1'

/** Creates the bucket on a server that has just started. */
export async function s3PlaceAt<P extends Place>(place: P, endpoint: string): Promise<P & S3Place> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new S3Client({ endpoint, region: REGION, credentials, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  const urlAt = (server: string, prefix: string) =>
    `s3://${BUCKET}/${prefix}?region=${REGION}&endpoint=${server}`
  const newStoreUrl = () => urlAt(endpoint, randomBytes(8).toString('hex'))
  const withUser = async (use: (user: S3User) => Promise<void>) => {
    const testbed = await createTestbed()
    try {
      await use(userOf(testbed, newStoreUrl()))
    } finally {
      await testbed.close()
    }
  }
  return { ...place, endpoint, urlAt, newStoreUrl, withUser }
}

function userOf(testbed: Testbed, storeUrl: string): S3User {
  const at = (url: string) => ({ env: { KEYMGMT_HOME: '', KEYMGMT_STORE: url } })
  return {
    testbed,
    storeUrl,
    run: (line, url = storeUrl) => testbed.run(line, at(url)),
    ok: (line, url = storeUrl) => testbed.ok(line, at(url)),
  }
}
