// Independent of src/crypto on purpose: the embedded KMS checks the keys that src/crypto encodes,
// so the two must not share a mistake.

/** One DER element (ITU-T X.690). */
export interface Element {
  readonly tag: number
  /** The value, without tag and length. */
  readonly content: Buffer
  /** The whole element, with tag and length. */
  readonly whole: Buffer
}

export const TAG = { OCTET_STRING: 0x04, OID: 0x06, SEQUENCE: 0x30 } as const

/**
 * Splits `bytes` into consecutive elements.
 * @throws Error if they are not DER
 */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length;) {
    const [length, start] = readLength(bytes, at + 1)
    const end = start + length
    if (end > bytes.length) throw new Error('an element ends behind the end')
    found.push({
      tag: bytes.readUInt8(at),
      content: bytes.subarray(start, end),
      whole: bytes.subarray(at, end),
    })
    at = end
  }
  return found
}

/** Reads the length at `at`. DER has exactly one encoding of each length; others are refused. */
function readLength(bytes: Buffer, at: number): readonly [length: number, start: number] {
  const first = bytes.readUInt8(at)
  if (first < 0x80) return [first, at + 1]
  const count = first & 0x7f
  if (count < 1 || count > 3) throw new Error('a length of another form')
  const length = bytes.readUIntBE(at + 1, count)
  if (length < 0x80 || length < 2 ** (8 * (count - 1)))
    throw new Error('a length that is not the shortest')
  return [length, at + 1 + count]
}

/** Encodes an element whose value is the concatenation of `contents`. */
export function encode(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const size = content.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.of(tag, ...length), content])
}
