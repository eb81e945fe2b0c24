import { expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { loadFormat } from '../../../src/cli/format/index.js'

// Vault's own vectors are in test/vectors/formats.json and flags.json.

const answer = { requestId: 'e8147c9e-a3fd-71b6-075e-8f2d67393127', data: { name: 'a<b>&\u2028', versions: { 10: 'x', 2: 'y' }, empty: [], nothing: {} }, warnings: [] }
const plain = { escapeControls: false }

it('JSON and YAML say the same', async () => {
  const [json, yaml] = [await loadFormat('json'), await loadFormat('yaml')]
  expect(parse(yaml.secret(answer, plain), { version: '1.1' })).toEqual(JSON.parse(json.secret(answer, plain)))
})

it('shows what a terminal would act on, on a terminal only', async () => {
  const table = await loadFormat('table')
  const red = { ...answer, data: { a: '\u001b[31mred' } }
  expect(table.secret(red, { escapeControls: true })).toContain('\\x1b[31mred')
  expect(table.secret(red, plain)).toContain('\u001b[31mred')
})
