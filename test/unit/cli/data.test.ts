import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseData } from '../../../src/cli/input/data.js'
import { decodeJson } from '../../../src/cli/input/json.js'
import { scalarText, toPairs } from '../../../src/router/convert.js'
import { shown } from '../router/raw.js'

const sources = (stdin: string | Buffer) => ({
  readStdin: () => Promise.resolve(Buffer.from(stdin)),
  readFile: () => {
    throw Object.assign(new Error('no'), { code: 'ENOENT' })
  },
})

// Vault's own vectors are in test/vectors/data.json.

describe('DATA arguments', () => {
  it('keeps the bytes of a file or of standard input for byte fields; other fields read U+FFFD for invalid UTF-8', async () => {
    const value = (await parseData(['a=-'], sources(Buffer.of(0xff, 0xfe))))?.get('a') ?? null
    expect(value).toEqual(Buffer.of(0xff, 0xfe))
    expect(scalarText(value)).toBe('\ufffd\ufffd')
  })

  it('keeps any other key and value unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (key, value) => {
        fc.pre(!key.includes('=') && !/^(@|\\@)|^-$/.test(value))
        expect((await parseData([`${key}=${value}`], sources('')))?.get(key)).toBe(value)
      }),
    )
  })

  it('does not repeat the value of a refused argument', async () => {
    const secret = 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w'
    for (const args of [[secret], [`a=@${secret}`], ['a=-', `b=-`]]) {
      await expect(parseData(args, sources(secret))).rejects.not.toThrow(secret)
    }
  })
})

describe('name=value pairs', () => {
  const files: Readonly<Record<string, string>> = {
    secret: 's3cr3t\r\n',
    lines: '\ufeffa=1\r\n\r\n b = x=y \r\n',
    json: '\ufeff{"a": "1", "b": "x=y"}',
    empty: ' \n',
    broken: '{"a": s3cr3t}',
  }
  const pairsIn = async (...args: string[]) => {
    const readFile = (name: string) => Buffer.from(files[name] ?? '')
    const data = await parseData(args, { ...sources('s3cr3t\n'), readFile }, 'K=V', new Set(['p']))
    return Object.fromEntries(toPairs(data?.get('p') ?? null))
  }

  it.each<[readonly string[], Readonly<Record<string, string>>]>([
    [['p=a=1', 'p=b=x=y'], { a: '1', b: 'x=y' }],
    [['p=a=@secret', 'p=b=2'], { a: 's3cr3t', b: '2' }],
    [['p=a=-'], { a: 's3cr3t' }],
    [['p=a=\\@secret'], { a: '@secret' }],
    [['p=@lines'], { a: '1', b: 'x=y' }],
    [['p=@json'], { a: '1', b: 'x=y' }],
    [['p=b=2', 'p=@lines', 'p=a=3'], { a: '3', b: 'x=y' }],
    [['p='], {}],
  ])('are in %j', async (args, pairs) => {
    expect(await pairsIn(...args)).toEqual(pairs)
  })

  it.each([
    ['p=@empty', 'it is empty'],
    ['p=@broken', 'not valid JSON'],
  ])('are not in %s, and the refusal does not quote it', async (arg, problem) => {
    const refused = pairsIn(arg)
    await expect(refused).rejects.toThrow(problem)
    await expect(refused).rejects.not.toThrow('s3cr3t')
  })

  it('are not read for other keys', async () => {
    const data = await parseData(['q=a=@secret'], sources(''), 'K=V', new Set(['p']))
    expect(data?.get('q')).toBe('a=@secret')
  })
})

describe('the JSON decoder', () => {
  const decode = (text: string) => decodeJson(Buffer.from(text))

  it('accepts the same JSON as JSON.parse, except numbers that a double does not represent exactly', () => {
    const json = fc.jsonValue().filter((value) => !hasOtherNumber(value))
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value)
        expect(JSON.parse(shown(decode(text)))).toEqual(JSON.parse(text))
      }),
    )
  })

  it.each(['9007199254740992', '1.10', '1e400', '-1e-7', '{"a":[0.1]}'])(
    'refuses the number in %s',
    (text) => {
      expect(() => decode(text)).toThrow('write it in double quotes')
      expect(decode('[9007199254740991,-0,1e3]')).toEqual([9007199254740991, -0, 1000])
    },
  )

  it('accepts a byte order mark, and refuses invalid UTF-8', () => {
    expect(decode('\ufeff{}')).toEqual(new Map())
    expect(() => decodeJson(Buffer.from('\ufeff{}', 'utf16le'))).toThrow(
      'the JSON is not UTF-8 text; save the file as UTF-8',
    )
  })

  it.each(['', ' \n', '\ufeff'])('refuses the empty input %j', (text) => {
    expect(() => decode(text)).toThrow('the JSON is empty')
  })

  it('names line and column where the engine reports the position', () => {
    expect(() => decode('{\n  "a": 1,\n  b}')).toThrow(
      'the input is not valid JSON (line 3, column 3)',
    )
  })

  it('refuses anything after the value', () => {
    for (const text of ['{"a":1}{"b":2}', '{"a":1}garbage'])
      expect(() => decode(text)).toThrow('the input is not valid JSON (line 1, column 8)')
  })

  it('refuses a deep value without a stack overflow', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
    expect(() => decode(nested(101))).not.toThrow()
    for (const depth of [102, 200_000])
      expect(() => decode(nested(depth))).toThrow('the JSON is nested more than 100 levels deep')
  })

  it('never repeats the content', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\ut1-e.0 nfa')) }),
        fc.nat(),
        (text, at) => {
          const split = at % (text.length + 1)
          const secret = `${text.slice(0, split)}S3CR3T in JSON at position 7${text.slice(split)}`
          try {
            decode(secret)
          } catch (error) {
            expect((error as Error).message).toMatch(
              /^the (input is not valid JSON( \(line 1, column \d+\))?|JSON contains a number [^"]*)$/,
            )
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

function hasOtherNumber(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isSafeInteger(value)
  return typeof value === 'object' && value !== null && Object.values(value).some(hasOtherNumber)
}
