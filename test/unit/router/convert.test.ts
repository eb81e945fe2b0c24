import { expect, test } from '@jest/globals'
import { goFormat, goQuote, toPairs } from '../../../src/router/convert.js'
import { raw } from './raw.js'

// Vault's own vectors are in test/vectors/coercion.json.

test('a pair named __proto__ is a pair like any other', () => {
  expect([...toPairs('__proto__=x')]).toEqual([['__proto__', 'x']])
})

test('quoting escapes what is not printable, as Go does', () => {
  expect(goQuote('a"\\\n\u0001\u007f\u00a0\u{e0001}é 😀')).toBe(
    '"a\\"\\\\\\n\\x01\\x7f\\u00a0\\U000e0001é 😀"',
  )
})

test('formatting sorts the names of an object', () => {
  expect(goFormat(raw('{"b":[1,null,true],"a":"x y"}'))).toBe('map[a:x y b:[1 <nil> true]]')
})
