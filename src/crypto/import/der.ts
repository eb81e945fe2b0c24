/** The ASN.1 tags in private keys (X.690). */
export const TAG = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  SEQUENCE: 0x30,
  CONTEXT_0: 0xa0,
  CONTEXT_1: 0xa1,
} as const

/** A DER element. Both parts are views of the input. */
export interface Element {
  readonly tag: number
  readonly content: Uint8Array
  /** Tag, length and content. */
  readonly whole: Uint8Array
}

/** The start and end of the first element's content; the end may lie beyond the input. */
export function extent(
  bytes: Uint8Array,
): { readonly start: number; readonly end: number } | undefined {
  const [, first = 0x80] = bytes
  if (first < 0x80) return { start: 2, end: 2 + first }
  const size = first & 0x7f
  const digits = bytes.subarray(2, 2 + size)
  // DER requires the shortest form of a length and forbids the indefinite form, which has no digits
  // and is therefore 0 below.
  if (size > 3 || digits.length < size || digits[0] === 0) return undefined
  const length = digits.reduce((value, digit) => value * 256 + digit, 0)
  return length < 0x80 ? undefined : { start: 2 + size, end: 2 + size + length }
}

/** The elements in `bytes`, or undefined if it is not a sequence of complete DER elements. */
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

/** The elements of a SEQUENCE, or undefined if `bytes` is not exactly one SEQUENCE. */
export function sequence(bytes: Uint8Array): readonly Element[] | undefined {
  const [only, ...others] = elements(bytes) ?? []
  return only?.tag === TAG.SEQUENCE && others.length === 0 ? elements(only.content) : undefined
}

/** Encodes a DER element. The caller wipes it. */
export function encode(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, content) => sum + content.length, 0)
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.of(tag, ...size), ...contents])
}

/** The content of an INTEGER as an unsigned number. */
export function unsigned(content: Uint8Array): bigint {
  return BigInt(
    `0x0${Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('hex')}`,
  )
}
