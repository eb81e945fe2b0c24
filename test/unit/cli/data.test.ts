import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseData } from '../../../src/cli/data.js'
import { decodeJson } from '../../../src/cli/json-decoder.js'
import { asText, isList, isObject, textOf, type RawValue } from '../../../src/router/values.js'

const FILES: Readonly<Record<string, string>> = { 'f.txt': 'line1\nline2\n', 'o.json': '{"a":1,"b":"x"}' }

const sources = (stdin: string | Buffer) => ({
  readStdin: () => Promise.resolve(Buffer.from(stdin)),
  readFile: (name: string) => {
    const content = FILES[name]
    if (content !== undefined) return Buffer.from(content)
    throw Object.assign(new Error('no'), { code: name === 'dir' ? 'EISDIR' : 'ENOENT' })
  },
})

/** The value in the notation of the table: JSON, with a number's own text. */
function shown(value: RawValue | null): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(shown).join(',')}]`
  if (isObject(value)) return `{${[...value].map(([name, item]) => `${JSON.stringify(name)}:${shown(item)}`).join(',')}}`
  return value instanceof Uint8Array ? JSON.stringify(textOf(value)) : value.number
}

/** Vault's vectors: arguments, standard input, and the data or (with `!`) the cause of the refusal. */
const VECTORS: readonly (readonly [args: readonly string[], stdin: string, result: string])[] = [
  [[], '', 'null'],
  [[''], '', '{}'],
  [['a=b'], '', '{"a":"b"}'],
  [['a='], '', '{"a":""}'],
  [['a=b=c'], '', '{"a":"b=c"}'],
  [['=v'], '', '{"":"v"}'],
  [['='], '', '{"":""}'],
  [[' a = b '], '', '{" a ":" b "}'],
  [['foo'], '', '!(argument 1): format must be key=value'],
  [['--'], '', '!(argument 1): format must be key=value'],
  [['a=1', 'a=2'], '', '{"a":["1","2"]}'],
  [['a=1', 'a=2', 'a=3'], '', '{"a":["1","2","3"]}'],
  [['a=', 'a=2'], '', '{"a":["","2"]}'],
  [['a=@f.txt'], '', '{"a":"line1\\nline2\\n"}'],
  [['a=@nope'], '', '!"a": error reading file: no such file or directory'],
  [['a=@dir'], '', '!"a": error reading file: is a directory'],
  [['a=@'], '', '!"a": error reading file: no such file or directory'],
  [['a=@-'], '', '!"a": error reading file: no such file or directory'],
  [['a=\\@x'], '', '{"a":"@x"}'],
  [['a=\\\\@x'], '', '{"a":"\\\\\\\\@x"}'],
  [['a=\\'], '', '{"a":"\\\\"}'],
  [['a=\\-'], '', '{"a":"\\\\-"}'],
  [['a=--'], '', '{"a":"--"}'],
  [['a=-x'], '', '{"a":"-x"}'],
  [['a=-'], 'hello\n', '{"a":"hello\\n"}'],
  [['a=-'], '', '{"a":""}'],
  [['a=-', 'b=-'], '', '!"b": stdin already consumed'],
  [['-', 'b=-'], '{}', '!"b": stdin already consumed'],
  [['-', '-'], '{}', '!"-": stdin already consumed'],
  [['-'], '{"a":1,"b":"x"}', '{"a":1,"b":"x"}'],
  [['-', 'a=2'], '{"a":1}', '{"a":[1,"2"]}'],
  [['a=2', '-'], '{"a":1}', '{"a":1}'],
  [['-', 'a=z'], '{"a":["x","y"]}', '{"a":["x","y","z"]}'],
  [['-', 'a=z'], '{"a":{"k":"v"}}', '{"a":[{"k":"v"},"z"]}'],
  [['-', 'a=z'], '{"a":{}}', '{"a":["z"]}'],
  [['-', 'a=z'], '{"a":null}', '{"a":["z"]}'],
  [['-', 'a=z'], '{"a":true}', '{"a":[true,"z"]}'],
  [['-', 'a=z'], '{"a":""}', '{"a":["","z"]}'],
  [['-'], '{bad', "!\"-\": invalid character 'b' looking for beginning of object key string"],
  [['-'], '', '!"-": EOF'],
  [['-'], '{"a":', '!"-": unexpected EOF'],
  [['-'], '["a"]', '!"-": json: cannot unmarshal array into Go value of type map[string]interface {}'],
  [['-'], '"a"', '!"-": json: cannot unmarshal string into Go value of type map[string]interface {}'],
  [['-'], '1', '!"-": json: cannot unmarshal number into Go value of type map[string]interface {}'],
  [['x=1', '-', 'a=1'], 'null', '{"a":"1"}'],
  [['-'], '{"a":1}{"b":2}', '{"a":1}'],
  [['-'], '{"a":1}garbage', '{"a":1}'],
  [['-'], '{"a":1,"a":2}', '{"a":2}'],
  [['-'], '{"a":12345678901234567890123,"b":1.10,"c":1e5}', '{"a":12345678901234567890123,"b":1.10,"c":1e5}'],
  [['-'], '\ufeff{}', "!\"-\": invalid character 'ï' looking for beginning of value"],
  [['@o.json'], '', '{"a":1,"b":"x"}'],
  [['@nope.json'], '', '!"@nope.json": open nope.json: no such file or directory'],
  [['@dir'], '', '!"@dir": read dir: is a directory'],
  [['@'], '', '!"@": open : no such file or directory'],
  [['@foo=bar'], '', '{"@foo":"bar"}'],
  [['-foo=baz'], '', '{"-foo":"baz"}'],
  [['a={"b":1}'], '', '{"a":"{\\"b\\":1}"}'],
  [['a="x"'], '', '{"a":"\\"x\\""}'],
  [['-'], '{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'],
]

describe('DATA arguments', () => {
  it.each(VECTORS)('%j with %j on standard input', async (args, stdin, result) => {
    const parsed = parseData(args, sources(stdin))
    if (result.startsWith('!')) {
      await expect(parsed).rejects.toMatchObject({ code: 'USAGE', message: `Failed to parse K=V data: invalid key/value pair ${result.slice(1)}` })
    } else expect(shown(await parsed)).toBe(result)
  })

  it('keeps the bytes of a file or of standard input for fields that take bytes; others read U+FFFD where they are no UTF-8', async () => {
    const value = (await parseData(['a=-'], sources(Buffer.of(0xff, 0xfe))))?.get('a') ?? null
    expect(value).toEqual(Buffer.of(0xff, 0xfe))
    expect(asText(value)).toBe('\ufffd\ufffd')
  })

  it('keeps any other key and value as they are', async () => {
    await fc.assert(fc.asyncProperty(fc.string(), fc.string(), async (key, value) => {
      fc.pre(!key.includes('=') && !/^(@|\\@)|^-$/.test(value))
      expect((await parseData([`${key}=${value}`], sources('')))?.get(key)).toBe(value)
    }))
  })

  it('says no value of an argument that it refuses', async () => {
    const secret = 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w'
    for (const args of [[secret], [`a=@${secret}`], ['a=-', `b=-`]]) {
      await expect(parseData(args, sources(secret))).rejects.not.toThrow(secret)
    }
  })
})

describe('the JSON decoder', () => {
  it('reads what JSON.parse reads, alike', () => {
    fc.assert(fc.property(fc.json(), (text) => {
      expect(JSON.parse(shown(decodeJson(Buffer.from(text))))).toEqual(JSON.parse(text))
    }))
  })
  it('refuses a value of any depth without falling over', () => {
    expect(() => decodeJson(Buffer.from('['.repeat(200_000)))).toThrow('exceeded max depth')
  })
  it('ends in a value or a refusal for any text', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\ut1-e.0 nfa')) }), (text) => {
      try {
        decodeJson(Buffer.from(text))
      } catch (error) {
        expect((error as Error).message).toMatch(/^(EOF|unexpected EOF|invalid character)/)
      }
    }), { numRuns: 2000 })
  })
})
