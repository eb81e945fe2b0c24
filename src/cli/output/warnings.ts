/** Columns of a warning's text, without its indentation. */
const WIDTH = 76

/** Writes warnings for a person, as Vault does. */
export function printWarnings(write: (text: string) => void, warnings: readonly string[]): void {
  if (warnings.length === 0) return
  const blocks = warnings.map(
    (warning) =>
      `${wrapEvenly(`* ${warning}`, WIDTH)
        .map((line) => `  ${line}`)
        .join('\n')}\n`,
  )
  write(`WARNING! The following warnings were returned from keymgmt:\n\n${blocks.join('\n')}\n`)
}

/** The additional cost of a line that is too long and has more than one word. */
const TOO_LONG = 100_000

/**
 * Wraps text to lines of at most `limit` bytes with minimum raggedness: each line except the last
 * costs the square of its unused length.
 */
export function wrapEvenly(text: string, limit: number): string[] {
  const words = text.trim().replaceAll('\n', ' ').split(' ')
  const lengths = words.map((word) => Buffer.byteLength(word))
  const best: { cost: number; next: number }[] = Array.from({ length: words.length + 1 }, () => ({
    cost: 0,
    next: words.length,
  }))
  for (let start = words.length - 1; start >= 0; start--)
    best[start] = bestBreak(lengths, best, start, limit)
  const lines: string[] = []
  for (let start = 0; start < words.length; start = best[start]?.next ?? words.length) {
    lines.push(words.slice(start, best[start]?.next).join(' '))
  }
  return lines
}

function bestBreak(
  lengths: readonly number[],
  best: readonly { cost: number }[],
  start: number,
  limit: number,
): { cost: number; next: number } {
  const total = lengths.slice(start).reduce((sum, length) => sum + length + 1, -1)
  if (total <= limit) return { cost: 0, next: lengths.length }
  let chosen = { cost: Infinity, next: lengths.length }
  for (
    let end = start + 1, width = lengths[start] ?? 0;
    end <= lengths.length;
    width += 1 + (lengths[end] ?? 0), end++
  ) {
    const tooLong = width > limit && end > start + 1
    const cost = (limit - width) ** 2 + (tooLong ? TOO_LONG : 0) + (best[end]?.cost ?? 0)
    if (cost < chosen.cost) chosen = { cost, next: end }
    if (width > limit) break
  }
  return chosen
}
