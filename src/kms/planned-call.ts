/** A call to AWS that a dry run did not make. */
export interface PlannedCall {
  readonly operation: string
  readonly region: string
  /** The id of the KMS key, or in brackets what is to be made. */
  readonly kmsKey: string
  readonly alias?: string
  /** US dollars that it adds to a month's bill; negative if it saves them. */
  readonly monthlyCost: number
}
