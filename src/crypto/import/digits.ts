/** The values of the digits of an alphabet, by character code. */
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

/** Shell commands that decode the text in FILE. */
export const DECODE_COMMANDS: Readonly<Record<string, string>> = {
  base64: 'base64 -d < FILE',
  hex: 'xxd -r -p FILE',
}

/**
 * Decodes hexadecimal text: any case, white space anywhere, optionally with a `0x` prefix. Returns
 * undefined for anything else.
 */
export function decodeHex(bytes: Uint8Array): Buffer | undefined {
  const text = withoutMark(bytes)
  const prefixed = text[0] === 0x30 && (text[1] === 0x78 || text[1] === 0x58)
  return decode(prefixed ? text.subarray(2) : text, HEX, 4)
}

/**
 * Decodes base64 or base64url text (RFC 4648 sections 4 and 5): with or without padding, white
 * space anywhere. Returns undefined for anything else. Node's decoder skips unknown characters, and
 * so turns a damaged key into another key.
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

/** The text without the UTF-8 byte order mark that some editors write. */
export function withoutMark(text: Uint8Array): Uint8Array {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? text.subarray(3) : text
}

/**
 * Decodes at least one byte from digits of `width` bits. Works on bytes because a string can't be
 * wiped. The caller wipes the result.
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
