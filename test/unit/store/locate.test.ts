import { expect, test } from '@jest/globals'
import { locate } from '../../../src/store/index.js'

const WINDOWS = {
  LOCALAPPDATA: 'C:\\Users\\u\\AppData\\Local',
  APPDATA: 'C:\\Users\\u\\AppData\\Roaming',
}

test.each([
  [{}, 'linux', '/h', '/h/.local/share/keymgmt', '/h/.config/keymgmt/keyfile'],
  [
    { XDG_DATA_HOME: '/d', XDG_CONFIG_HOME: 'relative' },
    'linux',
    '/h',
    '/d/keymgmt',
    '/h/.config/keymgmt/keyfile',
  ],
  [
    {},
    'darwin',
    '/h',
    '/h/Library/Application Support/keymgmt',
    '/h/Library/Preferences/keymgmt/keyfile',
  ],
  [
    WINDOWS,
    'win32',
    'C:\\Users\\u',
    'C:\\Users\\u\\AppData\\Local\\keymgmt\\Data',
    'C:\\Users\\u\\AppData\\Roaming\\keymgmt\\keyfile',
  ],
  [
    {},
    'win32',
    'C:\\Users\\u',
    'C:\\Users\\u\\AppData\\Local\\keymgmt\\Data',
    'C:\\Users\\u\\AppData\\Roaming\\keymgmt\\keyfile',
  ],
  [{ KEYMGMT_HOME: 'D:\\k' }, 'win32', 'C:\\Users\\u', 'D:\\k', 'D:\\k\\keyfile'],
  [
    { KEYMGMT_HOME: '\\\\server\\share\\k' },
    'win32',
    'C:\\Users\\u',
    '\\\\server\\share\\k',
    '\\\\server\\share\\k\\keyfile',
  ],
  [{ KEYMGMT_HOME: '/k/' }, 'linux', '/h', '/k', '/k/keyfile'],
  [{ KEYMGMT_HOME: '/k', KEYMGMT_KEYFILE: '/f' }, 'darwin', '/h', '/k', '/f'],
  [{ KEYMGMT_KEYFILE: '/f' }, 'linux', '/h', '/h/.local/share/keymgmt', '/f'],
])('%j on %s', (env, platform, homeDirectory, home, keyfile) => {
  expect(locate(env, platform, () => homeDirectory)).toEqual({ home, keyfile })
})

test.each([
  ['KEYMGMT_HOME', 'linux', 'a/b'],
  ['KEYMGMT_KEYFILE', 'linux', './a'],
  ['KEYMGMT_HOME', 'linux', 'C:\\k'],
  ['KEYMGMT_HOME', 'win32', 'a\\b'],
  ['KEYMGMT_KEYFILE', 'win32', 'C:k'],
])('%s must be absolute on %s: %s', (variable, platform, value) => {
  expect(() => locate({ [variable]: value }, platform, () => '/h')).toThrow(
    `${variable} is a relative path`,
  )
})
