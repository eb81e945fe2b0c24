import leven from 'leven'

/** The candidate that a mistyped word most likely meant, or undefined when none is near. */
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
 * How far a mistyped word is from a candidate, or undefined when it is too far to have meant it.
 */
export function distanceTo(word: string, candidate: string): number | undefined {
  // A word far longer than the candidate cannot be a slip of it, and leven is quadratic.
  if (word.length > 2 * candidate.length + 2) return undefined
  const distance = leven(word.toLowerCase(), candidate.toLowerCase())
  const allowed = Math.max(1, Math.floor(candidate.length / 3))
  if (distance <= allowed) return distance
  const abbreviates = word.length >= 2 && candidate.startsWith(word.toLowerCase())
  return abbreviates ? allowed + 1 : undefined
}

/** A did-you-mean sentence in a list, or an empty list when nothing is near. */
export function didYouMean(word: string, candidates: readonly string[]): readonly string[] {
  const candidate = nearest(word, candidates)
  return candidate === undefined ? [] : [`did you mean "${candidate}"?`]
}
