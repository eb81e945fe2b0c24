/** A call to AWS that a dry run did not make. */
export interface PlannedCall {
  readonly operation: string
  readonly region: string
  /** The id of the KMS key, or the description of a new one in brackets. */
  readonly kmsKey: string
  readonly alias?: string
  /** US dollars that it adds to the monthly bill; negative if it reduces the bill. */
  readonly monthlyCost: number
}
