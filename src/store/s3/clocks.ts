/** Two clocks: the first one stops while a machine sleeps, the second one can be set. */
export interface Clocks {
  readonly monotonic: number
  readonly wall: number
}

/** Reads both clocks. */
export function readClocks(): Clocks {
  return { monotonic: performance.now(), wall: Date.now() }
}

/** PURE: true if less than `length` milliseconds have passed by both clocks. */
export function isWithin(length: number, since: Clocks, now: Clocks): boolean {
  const elapsed = [now.monotonic - since.monotonic, now.wall - since.wall]
  return elapsed.every((each) => each >= 0 && each < length)
}
