import { expect, test } from '@jest/globals'
import { locate, settingsFile, storeFolder } from '../../../src/store/locate.js'

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
  expect(locate(env, platform, () => homeDirectory)).toMatchObject({ storeDir: home, keyfile })
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

const SETTINGS = { store: '/s', keyfile: '/kf' }
/** The environment, the settings, and which of them sets the store and the keyfile. */
const PRECEDENCE = [
  [{}, {}, '/h/.local/share/keymgmt', 'default', '/h/.config/keymgmt/keyfile', 'default'],
  [{}, SETTINGS, '/s', 'settings', '/kf', 'settings'],
  [{}, { store: 'file:///s' }, '/s', 'settings', '/h/.config/keymgmt/keyfile', 'default'],
  [{}, { keyfile: '/kf' }, '/h/.local/share/keymgmt', 'default', '/kf', 'settings'],
  [{ KEYMGMT_STORE: '/e' }, SETTINGS, '/e', 'KEYMGMT_STORE', '/kf', 'settings'],
  [
    { KEYMGMT_STORE: 'file:///e%20e/' },
    {},
    '/e e',
    'KEYMGMT_STORE',
    '/h/.config/keymgmt/keyfile',
    'default',
  ],
  [{ KEYMGMT_HOME: '/e' }, SETTINGS, '/e', 'KEYMGMT_HOME', '/e/keyfile', 'KEYMGMT_HOME'],
  [
    { KEYMGMT_HOME: '/e', KEYMGMT_KEYFILE: '/f' },
    SETTINGS,
    '/e',
    'KEYMGMT_HOME',
    '/f',
    'KEYMGMT_KEYFILE',
  ],
  [{ KEYMGMT_KEYFILE: '/f' }, SETTINGS, '/s', 'settings', '/f', 'KEYMGMT_KEYFILE'],
  [{ KEYMGMT_STORE: '', KEYMGMT_HOME: '' }, SETTINGS, '/s', 'settings', '/kf', 'settings'],
  [
    { XDG_DATA_HOME: '/d' },
    { store: '/s' },
    '/s',
    'settings',
    '/h/.config/keymgmt/keyfile',
    'default',
  ],
] as const

test.each(PRECEDENCE)(
  'with %j and the settings %j, the store is %s (%s), the keyfile %s (%s)',
  (env, settings, home, homeSource, keyfile, keyfileSource) => {
    expect(locate(env, 'linux', () => '/h', settings)).toEqual({
      storeDir: home,
      keyfile,
      sources: { store: homeSource, keyfile: keyfileSource },
    })
  },
)

test('the home folder is not looked up if the environment names the locations', () => {
  const env = { KEYMGMT_HOME: '/k', XDG_CONFIG_HOME: '/c', XDG_DATA_HOME: '/d' }
  const noHome = () => {
    throw new Error('no home')
  }
  expect(locate(env, 'linux', noHome)).toMatchObject({ storeDir: '/k' })
  expect(settingsFile(env, 'linux', noHome)).toBe('/c/keymgmt/config.json')
})

test.each([
  ['', 'HOME is empty'],
  ['home', 'HOME is a relative path'],
  ['/', 'HOME is /, which'],
  ['//', 'HOME is //, which'],
])('the home folder %j is refused by name, unless it is not needed', (home, problem) => {
  for (const env of [{}, { XDG_DATA_HOME: 'relative' }, { KEYMGMT_STORE: '/s' }])
    expect(() => locate(env, 'linux', () => home)).toThrow(problem)
  expect(locate({ KEYMGMT_HOME: '/k' }, 'linux', () => home)).toMatchObject({
    keyfile: '/k/keyfile',
  })
  expect(settingsFile({ XDG_CONFIG_HOME: '/c' }, 'linux', () => home)).toBe(
    '/c/keymgmt/config.json',
  )
})

test('KEYMGMT_STORE and KEYMGMT_HOME together are refused', () => {
  expect(() => locate({ KEYMGMT_STORE: '/a', KEYMGMT_HOME: '/b' }, 'linux', () => '/h')).toThrow(
    'KEYMGMT_STORE and KEYMGMT_HOME are both set',
  )
})

test.each([
  ['linux', {}, '/h/.config/keymgmt/config.json'],
  ['linux', { XDG_CONFIG_HOME: '/c' }, '/c/keymgmt/config.json'],
  ['linux', { XDG_CONFIG_HOME: 'c' }, '/h/.config/keymgmt/config.json'],
  ['linux', { XDG_CONFIG_HOME: '/c', KEYMGMT_SETTINGS: '/s/mine' }, '/s/mine'],
  ['darwin', { XDG_CONFIG_HOME: '/c' }, '/h/Library/Preferences/keymgmt/config.json'],
  ['win32', { APPDATA: 'C:\\R' }, 'C:\\R\\keymgmt\\config.json'],
])('the settings file on %s with %j is %s', (platform, env, file) => {
  expect(settingsFile(env, platform, () => '/h')).toBe(file)
})

test.each([
  ['s3://bucket/prefix', 'has the unsupported scheme s3:'],
  ['vault:secret/keymgmt', 'has the unsupported scheme vault:'],
  ['https://u:secret@host/', 'has the unsupported scheme https:'],
  ['file:relative', 'is not a file: URL of a local folder'],
  ['file://host/path', 'is not a file: URL of a local folder'],
  ['file:///a?b', 'is not a file: URL of a local folder'],
  ['file:///a%2Fb', 'is not a file: URL of a local folder'],
  ['a/b', 'is a relative path'],
  ['C:\\k', 'is a relative path'],
])('the store %s is refused, and not repeated', (value, problem) => {
  expect(() => storeFolder(value, 'KEYMGMT_STORE', 'linux')).toThrow(
    new RegExp(`^KEYMGMT_STORE ${problem}$`),
  )
})

test('a Windows drive is not a URL scheme', () => {
  expect(storeFolder('C:\\k', 'KEYMGMT_STORE', 'win32')).toBe('C:\\k')
  expect(storeFolder('file:///C:/k', 'KEYMGMT_STORE', 'win32')).toBe('C:\\k')
})

test('a store on S3 has a keyfile with its id, unless KEYMGMT_KEYFILE names one', () => {
  const KEYMGMT_STORE = 's3://acme-keys/prod?region=eu-west-1'
  const keyfileOf = (env: Record<string, string>, settings = {}) => {
    const location = locate(env, 'linux', () => '/h', settings)
    return 's3' in location && [location.s3.bucket, location.keyfileOf('ID'), location.sources]
  }
  const sources = { store: 'KEYMGMT_STORE', keyfile: 'default' }
  expect(keyfileOf({ KEYMGMT_STORE }, { keyfile: '/of-the-local-store' })).toEqual([
    'acme-keys',
    '/h/.config/keymgmt/ID.keyfile',
    sources,
  ])
  expect(keyfileOf({ KEYMGMT_STORE, KEYMGMT_KEYFILE: '/k' })).toEqual([
    'acme-keys',
    '/k',
    { ...sources, keyfile: 'KEYMGMT_KEYFILE' },
  ])
  expect(keyfileOf({}, { store: KEYMGMT_STORE })).toMatchObject({ 2: { store: 'settings' } })
})
