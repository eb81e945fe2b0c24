import type { KMSClient } from '@aws-sdk/client-kms'
import type { Readable } from 'node:stream'

/** AWS's largest response here, a page of ListKeys, has about 200 kB. */
const LARGEST_RESPONSE = 1024 * 1024

/** The `name` of the error for a response that is too large. */
export const RESPONSE_TOO_LARGE = 'ResponseTooLarge'

/**
 * Bounds the memory that a response can take: the service at an endpoint is not always AWS. Reads
 * the body before the SDK does, and stops at the bound.
 */
export function limitResponseSize(client: KMSClient, bound = LARGEST_RESPONSE): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const response = result.response as { body?: unknown }
      response.body = await readWithin(response.body as Readable, bound)
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'limitResponseSize' },
  )
}

async function readWithin(body: Readable, bound: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop destroys the stream, and with it the connection.
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > bound) {
      throw Object.assign(new Error(`the response has more than ${bound} bytes`), {
        name: RESPONSE_TOO_LARGE,
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
