import { describe, expect, it } from '@jest/globals'
import { decodeBase64, decodeHex, withoutMark } from '../../../../src/crypto/import/digits.js'

/** RFC 4648 section 10, except the empty text. */
const RFC: readonly (readonly [plain: string, base64: string, hex: string])[] = [
  ['f', 'Zg==', '66'],
  ['fo', 'Zm8=', '666F'],
  ['foo', 'Zm9v', '666F6F'],
  ['foob', 'Zm9vYg==', '666F6F62'],
  ['fooba', 'Zm9vYmE=', '666F6F6261'],
  ['foobar', 'Zm9vYmFy', '666F6F626172'],
]

describe('base64', () => {
  it.each(RFC)('of %s is %s, with and without padding', (plain, text) => {
    expect(decodeBase64(Buffer.from(text))?.toString()).toBe(plain)
    expect(decodeBase64(Buffer.from(text.replaceAll('=', '')))?.toString()).toBe(plain)
    expect(decodeBase64(Buffer.from(` ${text}\r\n\t`))?.toString()).toBe(plain)
  })

  it.each([
    ['+/+/', 'fbffbf'],
    ['-_-_', 'fbffbf'],
  ])('has two alphabets: %s', (text, bytes) => {
    expect(decodeBase64(Buffer.from(text))?.toString('hex')).toBe(bytes)
  })

  it.each([
    ['', 'nothing'],
    ['=', 'padding alone'],
    ['*=', 'a character of no alphabet'],
    ['+_', 'both alphabets'],
    ['Zg=', 'too little padding'],
    ['Zm8==', 'too much'],
    ['Zm9v=', 'padding for nothing'],
    ['Zg==Zg==', 'padding in the middle'],
    ['Zm9vA', 'a single digit left'],
    ['Zh==', 'bits left that are not zero (RFC 4648 section 3.5)'],
    ['Zm9', 'the same'],
  ])('does not decode %j: %s', (text) => {
    expect(decodeBase64(Buffer.from(text))).toBeUndefined()
  })
})

describe('hex', () => {
  it.each(RFC)('of %s', (plain, _base64, text) => {
    for (const form of [
      text,
      text.toLowerCase(),
      `0x${text}`,
      `0X${text}`,
      `\ufeff${text.replace(/../g, '$&\n')}`,
    ]) {
      expect(decodeHex(Buffer.from(form))?.toString()).toBe(plain)
    }
  })

  it.each(['', '0x', '1x66', '0y66', '0x0x66', '666', '660', '6g', 'g6'])(
    'does not decode %j',
    (text) => {
      expect(decodeHex(Buffer.from(text))).toBeUndefined()
    },
  )
})

it.each([
  ['efbbbf6162', '6162'],
  ['efbb616263', 'efbb616263'],
  ['ef61bf6263', 'ef61bf6263'],
  ['61bbbf6263', '61bbbf6263'],
  ['6162bf63', '6162bf63'],
])('removes only a byte order mark from %s', (bytes, left) => {
  expect(Buffer.from(withoutMark(Buffer.from(bytes, 'hex'))).toString('hex')).toBe(left)
})
