import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { goFormat, goQuote, toPairs } from '../../../src/router/convert.js'
import { ConversionError } from '../../../src/router/field-error.js'
import { boolean, integer, listOf, pairs, text, type Field } from '../../../src/router/fields.js'
import { raw } from './raw.js'

interface Vector {
  readonly field: 'bool' | 'int' | 'string' | 'slice' | 'keypair'
  readonly json: string
  readonly value?: unknown
  readonly error?: string
}

const names = { access_key: '', secret_key: '', a: '', b: '', c: '', d: '', ' a ': '' }
const fields: Record<Vector['field'], Field<unknown>> = {
  bool: boolean('x'),
  int: integer('x'),
  string: text('x'),
  slice: listOf('x'),
  keypair: pairs(names, 'x'),
}
const vectors = JSON.parse(readFileSync('test/vectors/coercion.json', 'utf8')) as readonly Vector[]

describe.each(vectors)('$field from $json', ({ field, json, value, error }) => {
  test(error === undefined ? `is ${JSON.stringify(value)}` : 'is refused', () => {
    const parse = () => fields[field].parse(raw(json))
    if (error === undefined) expect(parse()).toEqual(value)
    else expect(parse).toThrow(new ConversionError(error))
  })
})

test('a pair named __proto__ is a pair like any other', () => {
  expect([...toPairs('__proto__=x')]).toEqual([['__proto__', 'x']])
})

test('quoting escapes what is not printable, as Go does', () => {
  expect(goQuote('a"\\\n\u0001\u007f\u00a0\u{e0001}é 😀')).toBe('"a\\"\\\\\\n\\x01\\x7f\\u00a0\\U000e0001é 😀"')
})

test('formatting sorts the names of an object', () => {
  expect(goFormat(raw('{"b":[1,null,true],"a":"x y"}'))).toBe('map[a:x y b:[1 <nil> true]]')
})
