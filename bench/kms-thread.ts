import { parentPort, Worker, workerData } from 'node:worker_threads'
import { startDevKms, type DevKmsOptions } from '../src/dev-kms/index.js'

/** When the first request came and the last was answered, in milliseconds since 1970. */
export interface Span {
  readonly first: number
  readonly last: number
}

/** An embedded KMS in a thread of its own, where what is measured does not disturb it. */
export interface KmsThread {
  readonly env: Readonly<Record<string, string>>
  /** The span of what was asked since the last call, and how much of it. */
  span(): Promise<Span>
  close(): Promise<number>
}

interface Started {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Starts one; the bundle is not asked for it, so that it can be measured by itself. */
export async function startKmsThread(
  options: Pick<DevKmsOptions, 'latencyMs' | 'quotas'> = {},
): Promise<KmsThread> {
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
      const answer = next<Span>()
      thread.postMessage('span')
      return answer
    },
    close: () => thread.terminate(),
  }
}

async function serve(options: DevKmsOptions): Promise<void> {
  // The SDK's own warnings are not what is to be seen here.
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
  // The first wrapping key takes seconds to make, which is nobody's work but this KMS's.
  await warmUp(kms.endpoint)
  parentPort?.postMessage({ endpoint: kms.endpoint, ...kms.credentials } satisfies Started)
}

async function warmUp(endpoint: string): Promise<void> {
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
