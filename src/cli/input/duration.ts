import { KeymgmtError } from '../../errors.js'
import { isPlain, quote } from '../../router/quote.js'

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

const DAY_MS = 86_400_000

/** The time limit of a command that does not run on a terminal. */
export const DEFAULT_TIMEOUT = '10m'

/**
 * Parses a duration into milliseconds, as Vault does: Go's form (`1h30m`, `50ms`), or a whole
 * number of seconds or days (`90`, `30d`).
 * @throws KeymgmtError USAGE, naming the flag.
 */
export function parseDuration(flag: string, text: string): number {
  const [, whole, days] = /^(\d+)(d?)$/.exec(text) ?? []
  if (whole !== undefined) return Number(whole) * (days ? DAY_MS : 1_000)
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)]
  if (text === '' || parts.map(([part]) => part).join('') !== text) {
    const shown = isPlain(text) ? ` ${quote(text)}` : ''
    throw new KeymgmtError(
      'USAGE',
      `invalid value${shown} for flag -${flag}: time: invalid duration${shown}`,
      { hints: ['a duration looks like 90s, 10m or 1h30m'] },
    )
  }
  return parts.reduce(
    (total, [, count, unit = '']) => total + Number(count) * (UNITS.get(unit) ?? 0),
    0,
  )
}
