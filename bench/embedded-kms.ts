import { parentPort, Worker, workerData } from 'node:worker_threads'
import { startDevKms, type DevKmsOptions } from '../src/dev-kms/index.js'
import type { Environment } from './processes.js'

/** Times of the first request and of the last response, in milliseconds since 1970. */
export interface Span {
  readonly first: number
  readonly last: number
}

/** An embedded KMS in its own thread, which keeps serving while the bench waits for a process. */
export interface EmbeddedKms {
  /** Environment variables with its endpoint and credentials. */
  readonly env: Environment
  /** Returns the span of the requests since the last call. */
  span(): Promise<Span>
  close(): Promise<number>
}

interface Started {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Starts an embedded KMS from the compiled sources. */
export async function startEmbeddedKms(
  options: Pick<DevKmsOptions, 'latencyMs' | 'quotas'> = {},
): Promise<EmbeddedKms> {
  const thread = new Worker(new URL(import.meta.url), { workerData: { kms: options } })
  const next = <T>() =>
    new Promise<T>((resolve) => {
      thread.once('message', resolve)
    })
  const { endpoint, accessKeyId, secretAccessKey } = await next<Started>()
  return {
    env: {
      AWS_ENDPOINT_URL_KMS: endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    span: () => {
      const reply = next<Span>()
      thread.postMessage('span')
      return reply
    },
    close: () => thread.terminate(),
  }
}

async function serve(options: DevKmsOptions): Promise<void> {
  // Keeps warnings of the SDK out of the table.
  process.removeAllListeners('warning')
  const latency = options.latencyMs ?? 0
  let first = Infinity
  let last = 0
  const kms = await startDevKms({
    ...options,
    onRequest: () => {
      last = Date.now()
      first = Math.min(first, last - latency)
    },
  })
  parentPort?.on('message', () => {
    parentPort?.postMessage({ first, last } satisfies Span)
    first = Infinity
  })
  // The first wrapping key takes seconds to create; no measurement may include that.
  await createWrappingKey(kms.endpoint)
  parentPort?.postMessage({ endpoint: kms.endpoint, ...kms.credentials } satisfies Started)
}

async function createWrappingKey(endpoint: string): Promise<void> {
  const { CreateKeyCommand, GetParametersForImportCommand, KMSClient } =
    await import('@aws-sdk/client-kms')
  const credentials = {
    accessKeyId: 'ASIADJO3WTX6WPLJM42V',
    secretAccessKey: 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w',
  }
  const client = new KMSClient({ endpoint, region: 'eu-north-1', credentials })
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ Origin: 'EXTERNAL' }))
  await client.send(
    new GetParametersForImportCommand({
      KeyId: KeyMetadata?.KeyId,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_4096',
    }),
  )
}

const { kms } = (workerData ?? {}) as { kms?: DevKmsOptions }
if (kms) await serve(kms)
