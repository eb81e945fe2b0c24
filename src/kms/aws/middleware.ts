import type { KMSClient, ServiceOutputTypes } from '@aws-sdk/client-kms'
import { OPERATIONS, type Input, type Operation } from './operations.js'

/** One request to AWS KMS. */
export interface AwsRequest {
  readonly operation: Operation
  readonly region: string
  readonly input: Input
}

/** The fields of a reply that matter to a middleware; each may be missing. */
export type Output = Readonly<Record<string, unknown>>

/**
 * Stands between a call of `client.send` and AWS. It may send the request (`next`) once, several
 * times or not at all; what it returns is the reply that the caller gets.
 */
export type AwsMiddleware = (request: AwsRequest, next: () => Promise<Output>) => Promise<Output>

/** Makes every request of `client` pass through `middleware`, from the first to the last. */
export function addMiddleware(
  client: KMSClient,
  region: string,
  middleware: readonly AwsMiddleware[],
): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const operation = operationOf(context.commandName)
      const request = { operation, region, input: { ...args.input } }
      const send = async (): Promise<Output> => ({ ...(await next(args)).output })
      const pass = middleware.reduceRight<() => Promise<Output>>(
        (inner, each) => () => each(request, inner),
        send,
      )
      const output = { $metadata: {}, ...(await pass()) } as ServiceOutputTypes
      return { response: undefined, output }
    },
    { step: 'initialize', priority: 'high', name: 'keymgmt' },
  )
}

function operationOf(commandName = ''): Operation {
  const name = commandName.replace(/Command$/, '')
  if (Object.hasOwn(OPERATIONS, name)) return name as Operation
  throw new Error(`${name} has no entry in OPERATIONS`)
}
