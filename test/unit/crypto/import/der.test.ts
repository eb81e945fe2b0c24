import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  elements,
  encode,
  extent,
  sequence,
  TAG,
  unsigned,
} from '../../../../src/crypto/import/der.js'

const hex = (text: string) => Buffer.from(text, 'hex')

describe('the length of an element (X.690 section 8.1.3)', () => {
  it.each([
    ['3000', 2, 2],
    ['307f', 2, 129],
    ['308180', 3, 131],
    ['3081ff', 3, 258],
    ['30820100', 4, 260],
    ['3083010000', 5, 65_541],
  ])('%s: the content is from %d to %d', (bytes, start, end) => {
    expect(extent(hex(bytes))).toEqual({ start, end })
  })

  it.each([
    ['', 'nothing'],
    ['30', 'no length'],
    ['3080', 'an indefinite length'],
    ['30817f', 'a short length in the long form'],
    ['308200ff', 'a digit of zero in front'],
    ['308281', 'a digit missing'],
    ['308401000000', 'four digits: no key is of that length'],
  ])('%s has none: %s', (bytes) => {
    expect(extent(hex(bytes))).toBeUndefined()
  })

  it.each([
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_535, '0482ffff'],
  ])('%d is encoded in the shortest form', (length, head) => {
    expect(
      encode(TAG.OCTET_STRING, Buffer.alloc(length))
        .subarray(0, -length || undefined)
        .toString('hex'),
    ).toBe(head)
  })
})

describe('elements', () => {
  it('are returned in order', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.constantFrom(...Object.values(TAG)), fc.uint8Array({ maxLength: 300 })),
        ),
        (list) => {
          const written = Buffer.concat(list.map(([tag, content]) => encode(tag, content)))
          expect(
            elements(written)?.map(({ tag, content }) => [tag, Uint8Array.from(content)]),
          ).toEqual(list)
          expect(
            Buffer.concat((elements(written) ?? []).map(({ whole }) => whole)).equals(written),
          ).toBe(true)
        },
      ),
    )
  })

  it.each([
    ['040201', 'cut short'],
    ['04010104', 'with a part of another'],
    ['1f0100', 'of a tag in several bytes'],
    ['bf0100', 'of such a tag, constructed'],
  ])('%s are not DER: %s', (bytes) => {
    expect(elements(hex(bytes))).toBeUndefined()
  })

  it.each([
    ['30030201053000', 'two of them'],
    ['020105', 'another element'],
    ['3003020205', 'content that is cut short'],
    ['', 'nothing'],
  ])('%s are not exactly one SEQUENCE: %s', (bytes) => {
    expect(sequence(hex(bytes))).toBeUndefined()
  })
})

it.each([
  ['', 0n],
  ['05', 5n],
  ['80', 128n],
  ['00ff', 255n],
  ['010000000000000000', 2n ** 64n],
])('INTEGER %s is %s', (content, value) => {
  expect(unsigned(hex(content))).toBe(value)
})
