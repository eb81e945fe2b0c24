/** What a character stands for, by its code; characters that stand for nothing are not there. */
type Digits = ReadonlyMap<number, number>

const SPACE = -1

function digits(alphabet: string): Digits {
  const spaces = Array.from(' \t\r\n', (space) => [space.charCodeAt(0), SPACE] as const)
  return new Map([
    ...spaces,
    ...Array.from(alphabet, (digit, value) => [digit.charCodeAt(0), value] as const),
  ])
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const HEX = new Map([...digits('0123456789abcdef'), ...digits('0123456789ABCDEF')])
const BASE64 = digits(`${LETTERS}${LETTERS.toLowerCase()}0123456789+/`)
const BASE64URL = digits(`${LETTERS}${LETTERS.toLowerCase()}0123456789-_`)

/**
 * Hexadecimal text: any case, white space anywhere, `0x` in front or not. Undefined for anything
 * else.
 */
export function decodeHex(bytes: Uint8Array): Buffer | undefined {
  const text = withoutMark(bytes)
  const prefixed = text[0] === 0x30 && (text[1] === 0x78 || text[1] === 0x58)
  return decode(prefixed ? text.subarray(2) : text, HEX, 4)
}

/**
 * Base64 or base64url text (RFC 4648 sections 4 and 5): with or without padding, white space
 * anywhere. Undefined for anything else: unlike Node's decoder, which skips what it does not know
 * and so turns a damaged key into another one.
 */
export function decodeBase64(bytes: Uint8Array): Buffer | undefined {
  const text = withoutMark(bytes)
  let end = text.length
  let padding = 0
  for (; end > 0; end--) {
    const last = text[end - 1]
    if (last === 0x3d) padding++
    else if (last === undefined || BASE64.get(last) !== SPACE) break
  }
  const decoded =
    decode(text.subarray(0, end), BASE64, 6) ?? decode(text.subarray(0, end), BASE64URL, 6)
  if (decoded === undefined || padding === 0 || padding === (3 - (decoded.length % 3)) % 3)
    return decoded
  decoded.fill(0)
  return undefined
}

/** The text without the UTF-8 byte order mark that some editors put in front. */
export function withoutMark(text: Uint8Array): Uint8Array {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? text.subarray(3) : text
}

/**
 * The bytes that `text` spells with `width` bits a digit; at least one. It works on bytes and not
 * on strings, since a string cannot be wiped. The caller wipes the result.
 */
function decode(text: Uint8Array, values: Digits, width: number): Buffer | undefined {
  const bytes = Buffer.alloc((text.length * width) >> 3)
  let length = 0
  let held = 0
  let bits = 0
  const isAlphabet = text.every((character) => {
    const value = values.get(character)
    if (value === undefined || value === SPACE) return value === SPACE
    held = (held << width) | value
    bits += width
    if (bits >= 8) {
      bits -= 8
      bytes[length++] = held >> bits
      held &= (1 << bits) - 1
    }
    return true
  })
  if (isAlphabet && length > 0 && bits < width && held === 0) return bytes.subarray(0, length)
  bytes.fill(0)
  return undefined
}
