import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseData } from '../../../src/cli/input/data.js'
import { decodeJson } from '../../../src/cli/input/json.js'
import { asText } from '../../../src/router/values.js'
import { shown } from '../router/raw.js'

const sources = (stdin: string | Buffer) => ({
  readStdin: () => Promise.resolve(Buffer.from(stdin)),
  readFile: () => {
    throw Object.assign(new Error('no'), { code: 'ENOENT' })
  },
})

// Vault's own vectors are in test/vectors/data.json; here is what holds for all.

describe('DATA arguments', () => {
  it('keeps the bytes of a file or of standard input for fields that take bytes; others read U+FFFD where they are no UTF-8', async () => {
    const value = (await parseData(['a=-'], sources(Buffer.of(0xff, 0xfe))))?.get('a') ?? null
    expect(value).toEqual(Buffer.of(0xff, 0xfe))
    expect(asText(value)).toBe('\ufffd\ufffd')
  })

  it('keeps any other key and value as they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (key, value) => {
        fc.pre(!key.includes('=') && !/^(@|\\@)|^-$/.test(value))
        expect((await parseData([`${key}=${value}`], sources('')))?.get(key)).toBe(value)
      }),
    )
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
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(shown(decodeJson(Buffer.from(text))))).toEqual(JSON.parse(text))
      }),
    )
  })
  it('refuses a value of any depth without falling over', () => {
    expect(() => decodeJson(Buffer.from('['.repeat(200_000)))).toThrow('exceeded max depth')
  })
  it('ends in a value or a refusal for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\ut1-e.0 nfa')) }),
        (text) => {
          try {
            decodeJson(Buffer.from(text))
          } catch (error) {
            expect((error as Error).message).toMatch(/^(EOF|unexpected EOF|invalid character)/)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
