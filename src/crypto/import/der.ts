/** The ASN.1 tags that private keys are made of (X.690). */
export const TAG = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  SEQUENCE: 0x30,
  CONTEXT_0: 0xa0,
  CONTEXT_1: 0xa1,
} as const

/** One element of DER. Both parts are views of the bytes that were read. */
export interface Element {
  readonly tag: number
  readonly content: Uint8Array
  /** Tag, length and content. */
  readonly whole: Uint8Array
}

/**
 * Where the content of the first element starts and where the element says it ends, which may be
 * past the bytes.
 */
export function extent(
  bytes: Uint8Array,
): { readonly start: number; readonly end: number } | undefined {
  const [, first = 0x80] = bytes
  if (first < 0x80) return { start: 2, end: 2 + first }
  const size = first & 0x7f
  const digits = bytes.subarray(2, 2 + size)
  // DER has no length that is written longer than it needs to be, and no indefinite one: that has
  // no digits, and so is 0 below.
  if (size > 3 || digits.length < size || digits[0] === 0) return undefined
  const length = digits.reduce((value, digit) => value * 256 + digit, 0)
  return length < 0x80 ? undefined : { start: 2 + size, end: 2 + size + length }
}

/**
 * The elements that `bytes` is made of, or undefined unless it is whole elements of DER and nothing
 * else.
 */
export function elements(bytes: Uint8Array): readonly Element[] | undefined {
  const found: Element[] = []
  for (let rest = bytes; rest.length > 0;) {
    const at = extent(rest)
    const [tag = 0] = rest
    if (!at || at.end > rest.length || (tag & 0x1f) === 0x1f) return undefined
    found.push({ tag, content: rest.subarray(at.start, at.end), whole: rest.subarray(0, at.end) })
    rest = rest.subarray(at.end)
  }
  return found
}

/** What one SEQUENCE, and nothing else, is made of. */
export function sequence(bytes: Uint8Array): readonly Element[] | undefined {
  const [only, ...others] = elements(bytes) ?? []
  return only?.tag === TAG.SEQUENCE && others.length === 0 ? elements(only.content) : undefined
}

/** One element of DER. The caller wipes it. */
export function encode(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, content) => sum + content.length, 0)
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.of(tag, ...size), ...contents])
}

/** The INTEGER's content as a number without a sign. */
export function unsigned(content: Uint8Array): bigint {
  return BigInt(
    `0x0${Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('hex')}`,
  )
}
