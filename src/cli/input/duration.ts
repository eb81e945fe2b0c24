import { durationMs } from '../../duration.js'
import { KeymgmtError } from '../../errors.js'
import { isPlain, quote } from '../../router/quote.js'

/** The time limit of a command that does not run on a terminal. */
export const DEFAULT_TIMEOUT = '10m'

/**
 * Parses the duration of a flag into milliseconds, as Vault does.
 * @throws KeymgmtError USAGE, naming the flag.
 */
export function parseDuration(flag: string, text: string): number {
  const milliseconds = durationMs(text)
  if (milliseconds !== undefined) return milliseconds
  const shown = isPlain(text) ? ` ${quote(text)}` : ''
  throw new KeymgmtError(
    'USAGE',
    `invalid value${shown} for flag -${flag}: time: invalid duration${shown}`,
    { hints: ['a duration looks like 90s, 10m or 1h30m'] },
  )
}
