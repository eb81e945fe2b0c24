import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parse } from 'yaml'
import { loadFormat } from '../../src/cli/output/index.js'

const { field, secret } = await loadFormat('yaml')
const OPTIONS = { escapeControls: false }

/** Text that some reader takes as a number, a boolean, null, a date or a merge. */
const AMBIGUOUS = [
  ...'0 -1 +1 007 0o7 0x1F 0b11 1_000 1e3 1E+3 .5 5. 1.5_0 -.inf +.INF .nan .NaN'.split(' '),
  ...'12:30:45 12:30:45.6 190:20:30 yes No on OFF y N true FALSE null Null NULL ~'.split(' '),
  ...'2001-12-14 2001-12-14t21:59:43.10-05:00 2001-1-1 << = - ? : # & * ! | > % @ ` --- ...'.split(
    ' ',
  ),
  '',
  ' ',
  ' a',
  'a ',
  'a: b',
  'a #b',
  '- a',
  '2001-12-14 21:59:43.10 -5',
  '2001-12-14T21:59:43.',
  'two\nlines\n',
]

const text = fc.oneof(
  fc.constantFrom(...AMBIGUOUS),
  fc.stringMatching(/^[-+.]?[0-9oxbeE_:.]{1,8}$/),
  fc.stringMatching(/^[~<=yYnNtTfFoO.][a-zA-Z<]{0,5}$/),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
)

// Some readers merge at "<<" even in quotes; nothing that keymgmt prints has that name.
const name = text.filter((value) => value !== '<<')

test.each(['1.1', '1.2'] as const)('text stays text for a reader of YAML %s', (version) => {
  fc.assert(
    fc.property(text, name, (value, key) => {
      expect(parse(field(value, OPTIONS), { version })).toBe(value)
      const data = { [key]: [value], nested: { [key]: value } }
      const response = { requestId: () => value, data, warnings: [value] }
      expect(parse(secret(response, OPTIONS), { version })).toMatchObject({
        request_id: value,
        data,
        warnings: [value],
      })
    }),
    { examples: AMBIGUOUS.map((value) => [value, value === '<<' ? '' : value]) },
  )
})

test('nothing else gets quotes: a KMS key id looks as in Vault', () => {
  for (const value of ['1234abcd-12ab-34cd-56ef-1234567890ab', 'app', 'aes256-gcm96', 'us-west-1'])
    expect(field(value, OPTIONS)).toBe(`${value}\n`)
})
