import { OPERATIONS } from './model/operations.js'

/**
 * The kinds of fault. `error-after` and `drop` carry out the request first and then lose the reply.
 */
export const FAULT_KINDS = [
  'denied',
  'throttle',
  'error',
  'error-after',
  'drop',
  'drop-before',
  'expired-token',
  'limit',
] as const
/** The kind of a fault. */
export type FaultKind = (typeof FAULT_KINDS)[number]

/** The operations that a fault can name, apart from `*`. */
export const FAULT_OPERATIONS: readonly string[] = Object.keys(OPERATIONS)

/** A fault to inject: at the `nth` request of `operation` (1 is the first), or at every one. */
export interface Fault {
  /** An operation of AWS KMS, or `*` for all. */
  readonly operation: string
  /** The number of the request, from 1, or `*` for each one. */
  readonly nth: number | '*'
  /** The kind of fault. */
  readonly kind: FaultKind
}

/**
 * Parses `Operation:nth:kind`.
 * @throws Error with the expected form, or the invalid part
 */
export function parseFault(text: string): Fault {
  const [operation = '', nth = '', kind = '', ...rest] = text.split(':')
  const known = FAULT_KINDS.find((candidate) => candidate === kind)
  const isNumber = /^(\*|[1-9]\d*)$/.test(nth)
  if (!isNumber || !known || rest.length > 0) {
    const part = isNumber
      ? `the kinds are ${FAULT_KINDS.join(', ')}`
      : 'nth is 1 for the first request, or * for all'
    throw new Error(`must be Operation:nth:kind, such as CreateKey:1:drop; ${part}`)
  }
  if (operation !== '*' && !FAULT_OPERATIONS.includes(operation))
    throw new Error('AWS KMS has no operation of that name')
  return { operation, nth: nth === '*' ? '*' : Number(nth), kind: known }
}

/** Returns a function that counts requests and returns the fault to inject into each, if any. */
export function createFaults(
  faults: readonly Fault[],
): (operation: string) => FaultKind | undefined {
  const seen = faults.map(() => 0)
  return (operation) => {
    let injected: FaultKind | undefined
    for (const [index, fault] of faults.entries()) {
      if (fault.operation !== '*' && fault.operation !== operation) continue
      const count = (seen[index] ?? 0) + 1
      seen[index] = count
      if (fault.nth === '*' || fault.nth === count) injected ??= fault.kind
    }
    return injected
  }
}
