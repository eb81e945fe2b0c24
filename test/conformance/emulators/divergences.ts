/** Something in which an emulator is known to differ from what AWS documents. */
export interface Divergence {
  /** The name of the emulator. */
  readonly target: string
  readonly operation: string
  /** The checks that fail of it: each of them. */
  readonly checks: RegExp
  /** What is in the failure of each of these checks: another failure is another divergence. */
  readonly seen: string
  readonly does: string
  readonly aws: string
  readonly source: string
}

export const DIVERGENCES: readonly Divergence[] = []
