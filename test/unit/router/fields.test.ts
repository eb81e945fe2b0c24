import { describe, expect, it } from '@jest/globals'
import { scalarText } from '../../../src/router/convert.js'
import {
  boolean,
  duration,
  integer,
  listOf,
  oneOf,
  pairs,
  secretBytes,
  secretLine,
  text,
  time,
} from '../../../src/router/fields.js'
import { mountHelp, pathsMarkdown } from '../../../src/router/help.js'
import { createRouter } from '../../../src/router/router.js'
import { definePath } from '../../../src/router/path.js'
import { didYouMean, distanceTo } from '../../../src/suggest.js'
import { isEmpty, textOf, type RawValue } from '../../../src/router/values.js'

// Cases in which a change of the router was once not noticed.

describe('fields', () => {
  it('bytes come from a file or a text only', () => {
    const { parse, type, secret, takes } = secretBytes('x')
    expect([type, secret, takes]).toEqual(['bytes', true, 'a file (@FILE) or standard input (-)'])
    expect(parse(Uint8Array.of(0xff))).toEqual(Uint8Array.of(0xff))
    expect(parse('é')).toEqual(Uint8Array.of(0xc3, 0xa9))
    expect(() => parse(true)).toThrow('expected a file or text')
  })

  it.each([
    [
      text('d'),
      { type: 'string', description: 'd', takes: 'text', secret: false, required: false },
      false,
    ],
    [text('d', { example: 'e' }), { takes: 'text such as e' }, false],
    [text('d', { choices: ['a', 'b'] }), { takes: 'one of a, b', choices: ['a', 'b'] }, true],
    [oneOf(['a', 'b'], 'd'), { type: 'string', takes: 'one of a, b' }, true],
    [integer('d'), { type: 'int', takes: 'a whole number' }, false],
    [integer('d', { min: 0 }), { takes: 'a whole number of at least 0' }, false],
    [boolean('d'), { type: 'bool', takes: 'true or false' }, false],
    [
      duration('d', { max: '365d' }),
      { type: 'duration (sec)', takes: 'a duration such as 90s, 12h or 30d, of at most 365d' },
      false,
    ],
    [duration('d'), { takes: 'a duration such as 90s, 12h or 30d' }, false],
    [time('d'), { type: 'time', takes: 'a time in RFC 3339 such as 2027-01-31T12:00:00Z' }, false],
    [listOf('d'), { type: 'slice', takes: 'a comma-separated list' }, false],
    [listOf('d', { choices: ['a', 'b'] }), { takes: 'a comma-separated list of a, b' }, true],
    [
      pairs({ a: 'A', b: 'B' }, 'd'),
      {
        type: 'keypair',
        description: 'd\n  a: A\n  b: B',
        takes: 'name=value pairs, once for each of a, b',
        secret: true,
        required: false,
      },
      true,
    ],
  ])('%j describe the accepted values', (field, said, hasChoices) => {
    expect(field).toMatchObject(said)
    expect('choices' in field).toBe(hasChoices)
  })

  it('a number is within its inclusive bounds', () => {
    const { parse, takes } = integer('x', { min: 7, max: 30 })
    expect(takes).toBe('a whole number from 7 to 30')
    expect([parse('7'), parse('30')]).toEqual([7, 30])
    expect(() => parse('6')).toThrow('6 is less than 7')
    expect(() => parse('31')).toThrow('31 is more than 30')
    expect(integer('x').parse('-5')).toBe(-5)
  })

  it.each<[RawValue, number]>([
    ['30d', 2_592_000],
    ['720h', 2_592_000],
    ['1h30m', 5400],
    ['1.1h', 3960],
    ['90', 90],
    [90, 90],
    ['0', 0],
    ['365d', 31_536_000],
    [Buffer.from('90s\n'), 90],
  ])('the duration %j is %i seconds', (raw, seconds) => {
    expect(duration('x', { max: '365d' }).parse(raw)).toBe(seconds)
  })

  it.each<[RawValue, string]>([
    ['', 'expected a duration such as 90s, 12h or 30d, not ""'],
    ['-1h', 'expected a duration such as 90s, 12h or 30d, not "-1h"'],
    ['1w', 'expected a duration such as 90s, 12h or 30d, not "1w"'],
    [true, 'expected a duration such as 90s, 12h or 30d, not a boolean'],
    ['500ms', 'expected whole seconds, not "500ms"'],
    ['366d', '366d is more than 365d'],
    ['8760h1s', '8760h1s is more than 365d'],
  ])('the duration %j is refused', (raw, message) => {
    expect(() => duration('x', { max: '365d' }).parse(raw)).toThrow(message)
  })

  it.each([
    ['2027-01-31T12:00:00Z', '2027-01-31T12:00:00.000Z'],
    ['2027-01-31t12:00:00.5+02:00', '2027-01-31T10:00:00.500Z'],
    ['2028-02-29T00:00:00-01:00', '2028-02-29T01:00:00.000Z'],
  ])('the time %s is %s', (raw, instant) => {
    expect(time('x').parse(raw).toISOString()).toBe(instant)
  })

  it.each([
    '',
    '2027-01-31',
    '2027-01-31T12:00:00',
    '2027-02-29T12:00:00Z',
    '2027-01-31T25:00:00Z',
    '1800000000',
  ])('the time %j is refused', (raw) => {
    expect(() => time('x').parse(raw)).toThrow('expected a time such as 2027-01-31T12:00:00Z')
  })

  it('a text matches the pattern anywhere in it', () => {
    expect(text('x', { pattern: /b/ }).parse('abc')).toBe('abc')
    expect(() => text('x', { pattern: /^b/ }).parse('abc')).toThrow('has the wrong form')
    expect(() => listOf('x', { choices: ['a'] }).parse('a,b')).toThrow('"b" is not one of a')
  })

  it.each<[RawValue, boolean]>([
    [null, true],
    ['', true],
    [[], true],
    [new Map(), true],
    [new Uint8Array(), true],
    ['x', false],
    [['x'], false],
    [new Map([['a', 'b']]), false],
    [Uint8Array.of(1), false],
    [0, false],
    [false, false],
  ])('%j is empty: %s', (raw, empty) => {
    expect(isEmpty(raw)).toBe(empty)
  })

  it('JSON text in place of pairs is refused, with the way to pass it; a bracket within a value is accepted', () => {
    const { parse } = pairs({ a: '', b: '' }, 'x')
    for (const raw of ['{"a":"b="}', ' [1=', ['a=b', '{"b":"="}']]) {
      expect(() => parse(raw)).toThrow(
        expect.objectContaining({
          hints: ['to pass a JSON object, put it in a file and specify @FILE as the value'],
        }),
      )
    }
    expect(parse('a=x{[')).toEqual({ a: 'x{[' })
    expect(parse([null, new Map([['a', 'b']])])).toEqual({ a: 'b' })
  })

  it('bytes reach only byte fields; other fields get the text, including a byte order mark', () => {
    const path = definePath<undefined>()({
      pattern: 'm',
      synopsis: '',
      description: '',
      parameters: {},
      operations: {
        write: {
          summary: 's',
          fields: { raw: secretBytes('x'), text: text('x') },
          run: () => Promise.resolve(undefined),
        },
      },
    })
    const bytes = Uint8Array.of(0xff)
    expect(
      createRouter([path]).resolve(
        'write',
        'm',
        new Map([
          ['raw', bytes],
          ['text', bytes],
        ]),
      ).fields,
    ).toEqual({ raw: bytes, text: '\ufffd' })
    expect(textOf(Buffer.from('\ufeffa'))).toBe('\ufeffa')
    expect(scalarText(bytes)).toBe('\ufffd')
  })

  it.each([
    ['a=b\n', 'b'],
    ['a=b\r\n', 'b'],
    ['a=b', 'b'],
    ['a=b\n\n', 'b\n'],
    ['a=b\r', 'b\r'],
    ['a=\n', ''],
  ])('the last newline of a file is not part of the value: %j', (file, value) => {
    const path = definePath<undefined>()({
      pattern: 'm',
      synopsis: '',
      description: '',
      parameters: {},
      operations: {
        write: {
          summary: 's',
          fields: { pairs: pairs({ a: '' }, 'x'), line: secretLine('x'), raw: secretBytes('x') },
          run: () => Promise.resolve(undefined),
        },
      },
    })
    const bytes = Buffer.from(file)
    const { fields } = createRouter([path]).resolve(
      'write',
      'm',
      new Map<string, RawValue>([
        ['pairs', [bytes]],
        ['line', bytes],
        ['raw', bytes],
      ]),
    )
    expect(fields).toEqual({ pairs: { a: value }, line: Buffer.from(`a=${value}`), raw: bytes })
  })
})

describe('words', () => {
  it('the most similar word is suggested, or the first of equally similar ones', () => {
    expect(didYouMean('keyz', ['kexx', 'keys', 'keyy'])).toEqual(['did you mean "keys"?'])
    expect(didYouMean('re', ['replicate', 'restore'])).toEqual(['did you mean "restore"?'])
    expect(didYouMean('r', ['replicate'])).toEqual([])
    expect([
      distanceTo('aes', 'aes256-gcm96'),
      distanceTo('tipe', 'type'),
      distanceTo('min_enabled', 'min_enabled_version'),
      distanceTo('key'.repeat(9), 'key'),
    ]).toEqual([5, 1, 7, undefined])
    expect(distanceTo('min_enbled_verzion', 'min_enabled_version')).toBe(2)
  })

  it('two transposed letters are one edit', () => {
    expect(distanceTo('tyep', 'type')).toBe(1)
    expect(distanceTo('raed', 'read')).toBe(1)
    expect(distanceTo('tyepx', 'type')).toBeUndefined()
  })

  it('several names are suggested on request, the most similar first', () => {
    const names = ['billing', 'ap', 'apps', 'app1']
    expect(didYouMean('app', names, 3)).toEqual(['did you mean "ap" or "apps" or "app1"?'])
    expect(didYouMean('apps1', names, 2)).toEqual(['did you mean "apps" or "app1"?'])
  })
})

const paths = ['b/:name', 'a', 'c/:name/d'].map((pattern) =>
  definePath<undefined>()({
    pattern: `m/${pattern}`,
    synopsis: pattern === 'a' ? '' : `S ${pattern}`,
    description: pattern === 'a' ? '' : `  D ${pattern}  `,
    parameters: (pattern.includes(':') ? { name: 'N' } : {}) as never,
    operations: {
      read: {
        summary: 'reads',
        fields: { part: text('one | two\n  three') },
        run: () => Promise.resolve(undefined),
      },
      delete: {
        summary: 'deletes',
        fields: { part: text('other') },
        run: () => Promise.resolve(undefined),
      },
    },
  }),
)

describe('help', () => {
  it('of the mount lists the routes in order', () => {
    expect(mountHelp(paths, 'D').split('\n\n').slice(4)).toEqual([
      '    ^a$\n        <no synopsis>',
      '    ^b/(?P<name>\\w(([\\w-.]+)?\\w)?)$\n        S b/:name',
      '    ^c/(?P<name>\\w(([\\w-.]+)?\\w)?)/d$\n        S c/:name/d',
    ])
    expect(mountHelp(paths, 'D')).toContain('## DESCRIPTION\n\nD\n\n## PATHS')
  })

  it('as Markdown is a section and a table for each path', () => {
    expect(pathsMarkdown(paths.slice(0, 1))).toBe(
      [
        '# Paths',
        '',
        '## `m/b/:name`',
        '',
        'S b/:name',
        '',
        '* `read`: reads',
        '* `delete`: deletes',
        '',
        '| name | type | required | description |',
        '| --- | --- | --- | --- |',
        '| `name` | string | in the path | N |',
        '| `part` | string | no | one \\| two<br>three |',
        '',
        'D b/:name',
        '',
      ].join('\n'),
    )
  })

  it('for a mistyped path names the most similar path, operations and parameters', () => {
    const router = createRouter(paths)
    const hints = (attempt: () => unknown) => {
      try {
        attempt()
      } catch (error) {
        return (error as { hints: readonly string[] }).hints
      }
      return []
    }
    expect(hints(() => router.resolve('write', 'm/a', null))).toEqual(['m/a supports read, delete'])
    expect(hints(() => router.resolve('read', 'm/x', null))).toEqual([
      'did you mean "m/a"?',
      'to list all paths: keymgmt path-help m',
    ])
    expect(hints(() => router.resolve('read', 'n/x', null))[0]).toBe('paths begin with m/')
    expect(router.resolve('read', `m/b/${'n'.repeat(110)}`, null).params).toEqual({
      name: 'n'.repeat(110),
    })
  })
})
