import { describe, expect, it } from '@jest/globals'
import { KeymgmtError } from '../../../src/errors.js'
import { withArgumentHints } from '../../../src/cli/input/argument-hints.js'

const files = new Set(['./key', 'secrets/app.txt.gpg', 'plain'])
const hintsFor = (code: 'USAGE' | 'FIELD_INVALID' | 'KMS_FAILED', ...args: string[]) => {
  const error = new KeymgmtError(code, 'x', { hints: ['its own'] })
  return (withArgumentHints(error, args, (name) => files.has(name)) as KeymgmtError).hints
}

describe('hints about the arguments', () => {
  it.each([
    ['material=key.pem', 'to read material from a file, write material=@key.pem'],
    ['material=fileb://a/key.bin', 'to read material from a file, write material=@a/key.bin'],
    ['type=file://t', 'to read type from a file, write type=@t'],
    ['material=./key', 'to read material from a file, write material=@./key'],
    ['material=secrets/app.txt.gpg', 'write material=@secrets/app.txt.gpg'],
    ['material=file://a b c', 'to read material from a file, write material=@FILE'],
    ['\u2013format=json', 'an argument begins with a typographic dash: type - in its place'],
    ['\u2014f', 'an argument begins with a typographic dash: type - in its place'],
    ['purpose=\u201cencrypt\u201d', 'an argument contains typographic quotes'],
  ])('%s', (arg, hint) => {
    expect(hintsFor('FIELD_INVALID', arg)).toEqual([expect.stringContaining(hint), 'its own'])
  })

  it.each([['type=aes'], ['material=plain'], ['material=@key.pem'], ['material=-'], ['key.pem']])(
    '%s gives no hint',
    (arg) => {
      expect(hintsFor('FIELD_INVALID', arg)).toEqual(['its own'])
    },
  )

  it('appear once, and only for errors that arguments cause', () => {
    expect(hintsFor('USAGE', '\u2013a', '\u2013b')).toHaveLength(2)
    expect(hintsFor('KMS_FAILED', '\u2013a')).toEqual(['its own'])
    const other = new Error('x')
    expect(withArgumentHints(other, ['\u2013a'])).toBe(other)
  })

  it('looks for the file itself', () => {
    const error = new KeymgmtError('FIELD_INVALID', 'x')
    expect(withArgumentHints(error, ['a=./package.json'])).toMatchObject({
      hints: ['to read a from a file, write a=@./package.json'],
    })
    expect(withArgumentHints(error, ['a=./src', 'b=./none'])).toBe(error)
  })
})
