import { KeymgmtError } from '../errors.js'

const SEGMENT = /^\w(([\w-.]+)?\w)?$/

/**
 * So that a segment, a mark and an extension fit a file name, also where every capital takes two
 * characters.
 */
const MAX_SEGMENT = 240

/**
 * The segments of a record's path, which every store checks alike before it does anything.
 * @throws KeymgmtError FIELD_INVALID for a path that `Store` does not allow.
 */
export function segmentsOf(path: string): string[] {
  const segments = path.split('/')
  for (const segment of segments) {
    if (!SEGMENT.test(segment))
      throw new KeymgmtError('FIELD_INVALID', `not the path of a record: ${JSON.stringify(path)}`)
    if (escapeCapitals(segment).length > MAX_SEGMENT) {
      throw new KeymgmtError('FIELD_INVALID', `the name ${segment} is too long to be stored`, {
        hints: [`a name has at most ${MAX_SEGMENT} characters, of which a capital counts as two`],
      })
    }
  }
  return segments
}

/**
 * `App` and `app` are two names, also on a disk that does not tell them apart. The way of Go's
 * module cache: `!app`.
 */
export function escapeCapitals(segment: string): string {
  return segment.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
}
