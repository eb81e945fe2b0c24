import type { Input } from './input.js'
import type { Operation } from './model/operations.js'
import type { Limits, Quotas } from './quotas.js'
import type { Key, Region } from './state.js'
import type { Account } from './account.js'

/** A permission that a request needs from the caller's policy. */
export interface PermissionRequest {
  /** Default: the operation's name. The prefix `kms:` is optional. */
  readonly action?: string | undefined
  /** The multi-Region primary to replicate, and the target Region. */
  readonly replica?: { readonly of: Key; readonly region: string }
  /** The service that a service-linked role is created for. */
  readonly service?: string
  readonly key?: Key
  /** The alias that the request contains in place of the key. */
  readonly alias?: string | undefined
  /** Default: the key's ARN. */
  readonly resource?: string
}

/** The request that a handler works for. */
export interface Context {
  readonly account: Account
  /** The Region that the request was signed for. */
  readonly region: Region
  readonly operation: Operation
  readonly requestId: string
  readonly limits: Limits
  /** Duration of the states `Creating` and `Updating`, and of a rotation. */
  readonly transitionMs: number
  /** @throws AwsError AccessDeniedException if the caller's policy does not allow it */
  authorize(wanted: PermissionRequest): void
  /** For quotas other than the operation's own, which is counted before the handler runs. */
  readonly quotas: Quotas
}

/** Carries out one operation, and returns the reply. Throws an AwsError to refuse it. */
export type Handler = (context: Context, input: Input) => object | Promise<object>

/** Operations by name. */
export type Handlers = Readonly<Partial<Record<Operation, Handler>>>

/** A date in AWS's JSON: seconds since 1970, with a fraction. */
export function wireDate(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : date.getTime() / 1000
}
