import type { Input } from './input.js'
import type { Operation } from './model/operations.js'
import type { Limits, Quotas } from './quotas.js'
import type { Key, Region } from './state.js'
import type { Account } from './account.js'

/** What is asked of the caller's policy. */
export interface Wanted {
  /** The operation's own name where it is not given; without its service where that is `kms:`. */
  readonly action?: string | undefined
  /** The multi-Region primary that a replica is made of, and where. */
  readonly replica?: { readonly of: Key; readonly region: string }
  /** The service that a role is made for. */
  readonly service?: string
  readonly key?: Key
  /** By which the request names the key. */
  readonly alias?: string | undefined
  /** Where it isn't the key's. */
  readonly resource?: string
}

/** What an operation has to work with. */
export interface Context {
  readonly account: Account
  /** The Region that the request was signed for. */
  readonly region: Region
  readonly operation: Operation
  readonly requestId: string
  readonly limits: Limits
  /** @throws AwsError AccessDeniedException unless the caller's policy allows it. */
  authorize(wanted: Wanted): void
  /** What a request uses beside its own operation's quota. */
  readonly quotas: Quotas
}

/** One operation: its answer, or an AwsError. */
export type Handler = (context: Context, input: Input) => object | Promise<object>

/** Operations by name. */
export type Handlers = Readonly<Partial<Record<Operation, Handler>>>

/** A date on the wire: seconds since 1970, with a fraction. */
export function wireDate(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : date.getTime() / 1000
}
