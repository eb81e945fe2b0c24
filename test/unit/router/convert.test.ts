import { describe, expect, it, test } from '@jest/globals'
import { toBoolean, toInteger, toPairs, toSlice, toText } from '../../../src/router/convert.js'
import { FieldError } from '../../../src/router/field-error.js'
import { isFileName, quote, quoteName, quotePlain } from '../../../src/router/quote.js'
import { raw } from './raw.js'

// Vault's own vectors are in test/vectors/coercion.json.

test('a pair named __proto__ is a pair like any other', () => {
  expect([...toPairs('__proto__=x')]).toEqual([['__proto__', 'x']])
})

test('an object and pairs in one list are merged, and the last value of a name wins', () => {
  expect([...toPairs(raw('[{"a":"1","b":"2"},"a=3",null]'))]).toEqual([
    ['a', '3'],
    ['b', '2'],
  ])
})

test('negative zero is zero', () => {
  expect(toInteger('-0')).toBe(0)
  expect(toInteger(-0)).toBe(0)
})

test("a file's last newline is dropped", () => {
  const file = (text: string) => Buffer.from(text)
  expect(toBoolean(file('true\n'))).toBe(true)
  expect(toInteger(file('12\r\n'))).toBe(12)
  expect(toText(file('a\n\n'))).toBe('a\n')
  expect(toSlice(file('a, b\n'))).toEqual(['a', 'b'])
  expect(toSlice([file('a,b\n')])).toEqual(['a,b'])
})

describe('an error', () => {
  it('repeats a short value that is an argument', () => {
    expect(() => toBoolean('x'.repeat(32))).toThrow(
      `expected true or false, not "${'x'.repeat(32)}"`,
    )
    expect(() => toInteger('abc')).toThrow('expected a whole number, not "abc"')
  })

  it('repeats neither a long value nor one that is not plain', () => {
    expect(() => toInteger('x'.repeat(33))).toThrow(
      'expected a whole number, not a text of 33 characters',
    )
    expect(() => toBoolean('p@ss')).toThrow('expected true or false, not a text of 4 characters')
  })

  it('has a form that does not repeat even a plain value', () => {
    const error = new FieldError((shown) => `${shown('abc')} is wrong`)
    expect(error.message).toBe('"abc" is wrong')
    expect(error.withoutValue).toBe('a text of 3 characters is wrong')
  })

  it('names the kind of a value that JSON contains', () => {
    expect(() => toText(raw('{"a":"secret"}'))).toThrow('expected text, not an object')
    expect(() => toText(raw('["secret"]'))).toThrow('expected text, not a list')
    expect(() => toText(true)).toThrow('expected text, not a boolean')
    expect(() => toSlice(raw('[["secret"]]'))).toThrow('expected text, not a list')
    expect(() => toBoolean(raw('["secret"]'))).toThrow('expected true or false, not a list')
  })
})

test('quoting escapes unprintable characters', () => {
  expect(quote('a"\\\n\u0001\u007f\u0080\u00a0\u2028\u202e\u{e0001}\u{10ffff}é 😀')).toBe(
    '"a\\"\\\\\\n\\u0001\\u{7f}\\u{80}\\u{a0}\\u{2028}\\u{202e}\\u{e0001}\\u{10ffff}é 😀"',
  )
})

test.each([
  [quotePlain, 'rsa-2048', true],
  [quotePlain, 'us-west-1,eu-west-1', true],
  [quotePlain, 'p@ssword', false],
  [quotePlain, 'x'.repeat(33), false],
  [quoteName, 'min_enable_version', true],
  [quoteName, 'Type', true],
  [quoteName, '3q2A7w', false],
  [quoteName, 'dGhpcyBpcw', false],
])('%p repeats %p: %p', (quoted, text, repeated) => {
  expect(quoted(text)).toBe(repeated ? `"${text}"` : `a text of ${text.length} characters`)
})

test.each([
  ['provider.json', true],
  ['/home/alice/projects/payments/staging/provider.json', true],
  ['wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', false],
  [`${'a'.repeat(40)}.json`, false],
  ['-----BEGIN PRIVATE KEY-----', false],
])('%p looks like a file name: %p', (name, looks) => {
  expect(isFileName(name)).toBe(looks)
})
