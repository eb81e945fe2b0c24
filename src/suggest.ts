import leven from 'leven'

/** Returns the candidates that are similar to a mistyped word, the most similar first. */
function similarTo(word: string, candidates: readonly string[]): readonly string[] {
  return candidates
    .flatMap((candidate) => {
      const distance = distanceTo(word, candidate)
      return distance === undefined ? [] : [{ candidate, distance }]
    })
    .sort((one, other) => one.distance - other.distance)
    .map(({ candidate }) => candidate)
}

/**
 * The edit distance from a mistyped word to a candidate, or undefined if they are not similar. Two
 * neighbouring letters in the wrong order count as one edit.
 */
export function distanceTo(word: string, candidate: string): number | undefined {
  // Skip a far longer word: it can't be similar, and leven takes quadratic time.
  if (word.length > 2 * candidate.length + 2) return undefined
  const distance = editsBetween(word.toLowerCase(), candidate.toLowerCase())
  const allowed = Math.max(1, Math.floor(candidate.length / 3))
  if (distance <= allowed) return distance
  const abbreviates = word.length >= 2 && candidate.startsWith(word.toLowerCase())
  return abbreviates ? allowed + 1 : undefined
}

function editsBetween(one: string, other: string): number {
  const distance = leven(one, other)
  if (distance < 2) return distance
  const transposed = Array.from(
    { length: one.length - 1 },
    (_, at) => one.slice(0, at) + one.charAt(at + 1) + one.charAt(at) + one.slice(at + 2),
  )
  return Math.min(distance, ...transposed.map((word) => 1 + leven(word, other)))
}

/**
 * A list with a did-you-mean sentence that names at most `limit` candidates, the most similar
 * first; an empty list if no candidate is similar.
 */
export function didYouMean(
  word: string,
  candidates: readonly string[],
  limit = 1,
): readonly string[] {
  const similar = similarTo(word, candidates).slice(0, limit)
  return similar.length === 0
    ? []
    : [`did you mean ${similar.map((name) => `"${name}"`).join(' or ')}?`]
}
