/** A median with its lower and upper quartile. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** Returns the median and the quartiles of the values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other)
  const at = (index: number) => sorted[index] ?? NaN
  const last = sorted.length - 1
  return {
    median: at(Math.round(last / 2)),
    low: at(Math.floor(last / 4)),
    high: at(Math.ceil((last * 3) / 4)),
  }
}
