/** What a name in a path looks like; `source` is also valid Go. */
export const NAME = /^\w(([\w-.]+)?\w)?$/

/** A name becomes part of file names, aliases and tags, each with an end of its own. */
export const LONGEST_NAME = 110

/** The segments of a path as a URL would have it: `//`, `.` and `..` are gone. */
export function pathSegments(path: string): readonly string[] {
  const segments: string[] = []
  for (const segment of path.trim().split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return segments
}

/** The name that a pattern's segment stands for, or undefined when the segment is literal. */
export function parameterOf(segment: string): string | undefined {
  return segment.startsWith(':') ? segment.slice(1) : undefined
}

/**
 * The parameters that make a pattern into a path, or undefined when it is not such a path.
 * Whether they are names is not looked at.
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

/** The path that a pattern and its parameters make. */
export function printPattern(pattern: string, params: Readonly<Record<string, string>>): string {
  const segments = pattern.split('/').map((segment) => {
    const name = parameterOf(segment)
    return name === undefined ? segment : (params[name] ?? segment)
  })
  return segments.join('/')
}
