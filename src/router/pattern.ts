import { MAX_NAME_LENGTH, NAME_PATTERN } from '../names.js'

const NAME = new RegExp(`^${NAME_PATTERN}$`)

/** The form of a name in words, to follow "has". */
export const NAME_RULE = `at most ${MAX_NAME_LENGTH} characters: ASCII letters, digits, "_", "-" and "."; it starts and ends with a letter, a digit or "_"`

/** True if a segment of a path can be a name. */
export function isName(segment: string): boolean {
  return segment.length <= MAX_NAME_LENGTH && NAME.test(segment)
}

/** The segments of a path, with `//`, `.` and `..` resolved as in a URL. */
export function pathSegments(path: string): readonly string[] {
  const segments: string[] = []
  for (const segment of path.trim().split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return segments
}

/** The parameter that a pattern's segment declares, or undefined for a literal segment. */
export function parameterOf(segment: string): string | undefined {
  return segment.startsWith(':') ? segment.slice(1) : undefined
}

/**
 * The parameters of a path that matches the pattern, else undefined. Their values need not be
 * names.
 */
export function matchPattern(
  pattern: string,
  segments: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const expected = pattern.split('/')
  if (expected.length !== segments.length) return undefined
  const params: [string, string][] = []
  for (const [index, segment] of segments.entries()) {
    const name = parameterOf(expected[index] ?? '')
    if (name !== undefined) params.push([name, segment])
    else if (expected[index] !== segment) return undefined
  }
  return Object.fromEntries(params)
}
