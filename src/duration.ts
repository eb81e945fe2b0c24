/** Milliseconds in each of Go's units of time. */
const UNITS = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** Milliseconds in a day. */
export const DAY_MS = 86_400_000

/**
 * PURE: returns the milliseconds of a duration in the forms that Vault accepts: Go's (`1h30m`,
 * `50ms`), or a whole number of seconds or days (`90`, `30d`). Returns undefined for any other
 * text.
 */
export function durationMs(text: string): number | undefined {
  const [, whole, days] = /^(\d+)(d?)$/.exec(text) ?? []
  if (whole !== undefined) return Number(whole) * (days ? DAY_MS : 1_000)
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)]
  if (text === '' || parts.map(([part]) => part).join('') !== text) return undefined
  return parts.reduce(
    (total, [, count, unit = '']) => total + Number(count) * (UNITS.get(unit) ?? 0),
    0,
  )
}
/** PURE: returns seconds in the form of {@link durationMs}: in days, if these are whole. */
export function durationText(seconds: number): string {
  const days = (seconds * 1_000) / DAY_MS
  return days >= 1 && Number.isInteger(days) ? `${days}d` : `${seconds}s`
}
