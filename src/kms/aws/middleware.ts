import type { AwsInput, AwsOperation } from './operations.js'

/** One request to AWS KMS. */
export interface AwsRequest {
  /** The operation of AWS KMS. */
  readonly operation: AwsOperation
  /** AWS Region. */
  readonly region: string
  /** The input, under AWS's names. */
  readonly input: AwsInput
}

/** The fields of a reply that matter to a middleware; each may be missing. */
export type AwsOutput = Readonly<Record<string, unknown>>

/**
 * Runs between a call of `client.send` and AWS. It may send the request (`next`) once, several
 * times or not at all, and returns the reply to the caller.
 */
export type AwsMiddleware = (
  request: AwsRequest,
  next: () => Promise<AwsOutput>,
) => Promise<AwsOutput>
