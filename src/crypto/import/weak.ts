/** Patterns that random bytes don't have: the chance of each is below 2^-80 for 28 bytes. */
const WEAKNESSES: readonly (readonly [is: (bytes: Uint8Array) => boolean, words: string])[] = [
  [(bytes) => distinct(bytes) === 1, 'the same byte repeated'],
  [isCounting, 'a sequence that counts up or down'],
  [isRepeating, 'one pattern repeated'],
  [(bytes) => distinct(bytes) <= 8, 'made of only a few different bytes'],
]

/**
 * Returns the pattern in 28 or more secret bytes in words, or undefined. It finds placeholders and
 * mistakes; it can't prove that a key is good.
 */
export function weakness(bytes: Uint8Array): string | undefined {
  return WEAKNESSES.find(([is]) => is(bytes))?.[1]
}

/** True if all bytes are printable ASCII or white space. */
export function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d))
}

function distinct(bytes: Uint8Array): number {
  return new Set(bytes).size
}

function isCounting(bytes: Uint8Array): boolean {
  const step = difference(bytes, 1)
  return bytes.every((_byte, index) => index === 0 || difference(bytes, index) === step)
}

function difference(bytes: Uint8Array, index: number): number {
  return ((bytes[index] ?? 0) - (bytes[index - 1] ?? 0)) & 0xff
}

function isRepeating(bytes: Uint8Array): boolean {
  const periods = Array.from({ length: bytes.length >> 1 }, (_, index) => index + 1)
  return periods.some((period) =>
    bytes.every((byte, index) => index < period || byte === bytes[index - period]),
  )
}
