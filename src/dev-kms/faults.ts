import { OPERATIONS } from './model/operations.js'

/** The effect of a fault; `-after` and `drop` act first and lose the response. */
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
export type FaultKind = (typeof FAULT_KINDS)[number]

/** The operations that can have a fault. */
export const FAULT_OPERATIONS: readonly string[] = Object.keys(OPERATIONS)

/** A fault to inject: at the `nth` request of `operation` (1 is the first), or at every one. */
export interface Fault {
  /** `*` is every operation. */
  readonly operation: string
  readonly nth: number | '*'
  readonly kind: FaultKind
}

/** Reads `Operation:nth:kind`. @throws Error that states the form, or the part that is wrong. */
export function parseFault(text: string): Fault {
  const [operation = '', nth = '', kind = '', ...rest] = text.split(':')
  const known = FAULT_KINDS.find((candidate) => candidate === kind)
  if (!/^(\*|[1-9]\d*)$/.test(nth) || !known || rest.length > 0) {
    throw new Error(
      `is Operation:nth:kind, such as CreateKey:1:drop; kinds are ${FAULT_KINDS.join(', ')}`,
    )
  }
  if (operation !== '*' && !FAULT_OPERATIONS.includes(operation))
    throw new Error('AWS KMS has no operation of that name')
  return { operation, nth: nth === '*' ? '*' : Number(nth), kind: known }
}

/** Says for each request which fault strikes it, counting as it goes. */
export function createFaults(
  faults: readonly Fault[],
): (operation: string) => FaultKind | undefined {
  const seen = faults.map(() => 0)
  return (operation) => {
    let struck: FaultKind | undefined
    for (const [index, fault] of faults.entries()) {
      if (fault.operation !== '*' && fault.operation !== operation) continue
      const count = (seen[index] ?? 0) + 1
      seen[index] = count
      if (fault.nth === '*' || fault.nth === count) struck ??= fault.kind
    }
    return struck
  }
}
