import leven from 'leven'

/** The candidate that is most similar to a mistyped word, or undefined if none is similar. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    const distance = distanceTo(word, candidate)
    if (distance !== undefined && (best === undefined || distance < best.distance))
      best = { candidate, distance }
  }
  return best?.candidate
}

/**
 * The edit distance from a mistyped word to a candidate, or undefined if they are not similar.
 */
export function distanceTo(word: string, candidate: string): number | undefined {
  // A far longer word is not similar, and leven takes quadratic time.
  if (word.length > 2 * candidate.length + 2) return undefined
  const distance = leven(word.toLowerCase(), candidate.toLowerCase())
  const allowed = Math.max(1, Math.floor(candidate.length / 3))
  if (distance <= allowed) return distance
  const abbreviates = word.length >= 2 && candidate.startsWith(word.toLowerCase())
  return abbreviates ? allowed + 1 : undefined
}

/** A list with a did-you-mean sentence, or an empty list if no candidate is similar. */
export function didYouMean(word: string, candidates: readonly string[]): readonly string[] {
  const candidate = nearest(word, candidates)
  return candidate === undefined ? [] : [`did you mean "${candidate}"?`]
}
