import { describe, expect, it } from '@jest/globals'
import { createHash } from 'node:crypto'
import { isText, weakness } from '../../../../src/crypto/import/weak.js'

/** Bytes without a pattern. */
const BYTES = createHash('sha256').update('bytes').digest()

describe('weakness', () => {
  it('is not found in bytes without a pattern, or with one byte outside the pattern', () => {
    expect(weakness(BYTES)).toBeUndefined()
    for (const changed of [0, 15, 16, 31]) {
      const nearly = Buffer.concat([BYTES.subarray(0, 16), BYTES.subarray(0, 16)])
      nearly[changed] = (nearly[changed] ?? 0) ^ 1
      expect(weakness(nearly)).toBeUndefined()
    }
  })

  it.each([
    [8, 'made of only a few different bytes'],
    [9, undefined],
  ])('of %d different bytes: %s', (count, words) => {
    expect(weakness(BYTES.map((byte, index) => (index < count ? index : byte % count)))).toBe(words)
  })
})

it.each([
  [0x08, false],
  [0x09, true],
  [0x0d, true],
  [0x0e, false],
  [0x1f, false],
  [0x20, true],
  [0x7e, true],
  [0x7f, false],
  [0xc3, false],
])('whether text may have the byte %d: %s', (byte, is) => {
  expect(isText(Uint8Array.of(0x61, byte))).toBe(is)
})
