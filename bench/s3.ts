import { parentPort, Worker, workerData } from 'node:worker_threads'
import { S3_ENV, startS3Server, storeUrl } from '../test/support/s3-server.js'
import type { Environment } from './processes.js'

/** An S3 server in its own thread, so that its work and that of its clients overlap. */
export interface S3 {
  readonly endpoint: string
  readonly bucket: string
  /** Environment variables that name a store on it, and credentials. */
  readonly env: Environment
  /** Sets the delay of each reply. */
  delay(milliseconds: number): void
  close(): Promise<number>
}

type Started = Pick<S3, 'endpoint' | 'bucket' | 'env'>

/** Starts a server without objects. It does not delay its replies yet. */
export async function startS3(): Promise<S3> {
  const thread = new Worker(new URL(import.meta.url), { workerData: { s3: true } })
  const started = await new Promise<Started>((resolve) => {
    thread.once('message', resolve)
  })
  return {
    ...started,
    delay: (milliseconds) => {
      thread.postMessage(milliseconds)
    },
    close: () => thread.terminate(),
  }
}

async function serve(): Promise<void> {
  let delay = 0
  const server = await startS3Server({ latencyMs: () => delay })
  parentPort?.on('message', (milliseconds: number) => {
    delay = milliseconds
  })
  const { endpoint, bucket } = server
  const env = { ...S3_ENV, KEYMGMT_STORE: storeUrl(server) }
  parentPort?.postMessage({ endpoint, bucket, env } satisfies Started)
}

if ((workerData as { s3?: true } | null)?.s3) await serve()
