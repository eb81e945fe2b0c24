import { KeymgmtError } from '../errors.js'
import { MAX_SEGMENT_LENGTH, NAME_PATTERN } from '../names.js'

const SEGMENT = new RegExp(`^${NAME_PATTERN}$`)

/**
 * Splits the path of a record into its segments. Every store validates paths with this function
 * before it does anything else.
 * @throws KeymgmtError FIELD_INVALID for a path that `Store` does not allow.
 */
export function segmentsOf(path: string): string[] {
  const segments = path.split('/')
  for (const segment of segments) {
    if (!SEGMENT.test(segment))
      throw new KeymgmtError('FIELD_INVALID', `invalid record path: ${JSON.stringify(path)}`)
    if (escapeCapitals(segment).length > MAX_SEGMENT_LENGTH) {
      throw new KeymgmtError('FIELD_INVALID', `the name ${segment} is too long to be stored`, {
        hints: [
          `use at most ${MAX_SEGMENT_LENGTH} characters, and count each capital letter as two`,
        ],
      })
    }
  }
  return segments
}

/**
 * Escapes capital letters as Go's module cache does (`App` becomes `!app`), so that `App` and `app`
 * stay apart on a file system that ignores case.
 */
export function escapeCapitals(segment: string): string {
  return segment.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
}
