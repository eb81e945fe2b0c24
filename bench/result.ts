import type { Spread } from './statistics.js'

/** One measured number, and the bound that it must not exceed. */
export interface Result {
  /** Circumstances of this result within its row, such as `Node 20, warm`. */
  readonly scenario: string
  /** The two measured quantities, such as `read 51 ms, empty program 48 ms`. */
  readonly detail: string
  readonly value: Spread
  readonly unit: '×' | 'ms' | 'kB' | 'MB'
  readonly bound: number
  /** The same ratio or difference for CPU time (user and system). It has no bound. */
  readonly cpu?: number
}

/** The reason why a row can't be measured on this machine. */
export interface NotMeasured {
  readonly notMeasured: string
}

/** A row of measurements. It may write to `folder`, which does not exist yet. */
export type Row = (folder: string) => AsyncIterable<Result | NotMeasured> | Iterable<Result>

/** Returns true if the median is within its bound. A value that is not a number is not. */
export function isWithinBound({ value, bound }: Result): boolean {
  return value.median <= bound
}

/** Formats a result as one line of the table. */
export function formatResult(row: string, result: Result): string {
  const { scenario, detail, value, unit, bound, cpu } = result
  // Adding 0 turns -0 into 0.
  const text = (number: number) =>
    unit === '×' ? number.toFixed(2) : (Math.round(number) + 0).toFixed(0)
  const [median, low, high] = [text(value.median), text(value.low), text(value.high)]
  const spread = low === high ? '' : ` (${low}–${high})`
  return [
    isWithinBound(result) ? 'pass' : 'FAIL',
    row.padEnd(17),
    scenario.padEnd(27),
    `${median} ${unit}${spread}`.padEnd(20),
    `≤ ${bound} ${unit}`.padEnd(9),
    (cpu === undefined ? '' : `CPU ${text(cpu)} ${unit}`).padEnd(11),
    detail,
  ].join('  ')
}
