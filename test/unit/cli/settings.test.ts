import { expect, test } from '@jest/globals'
import { assertSettingName, effectiveFormat, SETTING_NAMES } from '../../../src/cli/settings.js'

const ENV = { KEYMGMT_FORMAT: 'yaml', VAULT_FORMAT: 'table' }

test.each([
  ['json', ENV, { format: 'table' }, 'json', '-format'],
  [undefined, ENV, { format: 'json' }, 'yaml', 'KEYMGMT_FORMAT'],
  ['', ENV, {}, 'yaml', 'KEYMGMT_FORMAT'],
  [undefined, { VAULT_FORMAT: 'yaml' }, { format: 'json' }, 'yaml', 'VAULT_FORMAT'],
  [undefined, { KEYMGMT_FORMAT: '' }, { format: 'json' }, 'json', 'settings'],
  [undefined, {}, {}, 'table', 'default'],
])('-format=%s, %j and the settings %j result in %s (%s)', (flag, env, settings, value, source) => {
  expect(effectiveFormat(flag, env, settings)).toEqual({ value, source })
})

test('an unknown format is refused from every source', () => {
  expect(() => effectiveFormat(undefined, { VAULT_FORMAT: 'raw' }, {})).toThrow(
    'Invalid output format: raw',
  )
})

test.each(['constructor', 'toString', '__proto__', '', 'Store'])('%j is not a setting', (name) => {
  expect(() => {
    assertSettingName(name)
  }).toThrow(`unknown setting ${JSON.stringify(name)}`)
})

test('these are all settings', () => {
  expect(SETTING_NAMES).toEqual(['format', 'keyfile', 'store'])
})
