import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed
let file: string
beforeEach(async () => {
  testbed = await createTestbed()
  file = join(testbed.home, '.config/keymgmt/config.json')
})
afterEach(() => testbed.close())

// Without KEYMGMT_HOME, which would take precedence over the settings.
const run = (line: string, env: Readonly<Record<string, string>> = {}) =>
  testbed.run(line, { env: { KEYMGMT_HOME: '', ...env } })
const ok = async (line: string, env: Readonly<Record<string, string>> = {}) => {
  const { stdout, stderr, status } = await run(line, env)
  expect({ line, stderr, status }).toEqual({ line, stderr: '', status: 0 })
  return stdout
}
const saved = () => JSON.parse(readFileSync(file, 'utf8')) as unknown
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

function writeSettings(text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, text, { mode: 0o600 })
}

describe('keymgmt config', () => {
  it('saves, lists, prints and removes a setting', async () => {
    expect(await ok('config store=/srv/k')).toBe(`Success! Saved store in ${file}\n`)
    expect(await ok('config keyfile=/srv/f')).toBe(`Success! Saved keyfile in ${file}\n`)
    expect(saved()).toEqual({ store: '/srv/k', keyfile: '/srv/f' })
    expect(await ok('config')).toBe(
      [
        'Name       Value     Source',
        '----       -----     ------',
        'format     table     default',
        'keyfile    /srv/f    settings',
        'store      /srv/k    settings',
        '',
      ].join('\n'),
    )
    expect(await ok('config store')).toBe('/srv/k\n')
    expect(await ok('config store=')).toBe(`Success! Removed store from ${file}\n`)
    expect(saved()).toEqual({ keyfile: '/srv/f' })
    expect(await ok('config store')).toBe(`${testbed.home}/.local/share/keymgmt\n`)
  })

  it.each(['settings.json', 'my.settings', 'plain'])(
    'keeps the settings in the file %s that KEYMGMT_SETTINGS names',
    async (name) => {
      const other = join(testbed.home, 'other', name)
      const env = { KEYMGMT_SETTINGS: other }
      expect(await ok('config store=/srv/k', env)).toBe(`Success! Saved store in ${other}\n`)
      expect(await ok('config store', env)).toBe('/srv/k\n')
      expect(readdirSync(dirname(other))).toEqual([name])
      expect(existsSync(file)).toBe(false)
      expect(await run('config', { KEYMGMT_SETTINGS: 'settings.json' })).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('KEYMGMT_SETTINGS is a relative path'),
      })
    },
  )

  it('prints JSON', async () => {
    await ok('config store=file:///srv/k')
    expect(JSON.parse(await ok('config -format=json'))).toEqual({
      format: { value: 'json', source: '-format' },
      keyfile: { value: `${testbed.home}/.config/keymgmt/keyfile`, source: 'default' },
      store: { value: '/srv/k', source: 'settings' },
    })
    expect(await ok('config -format=json store')).toBe('"/srv/k"\n')
    expect(await ok('config -format=json store=')).toBe('')
  })

  it('creates a private file and folder', async () => {
    await ok('config format=table')
    expect([modeOf(file), modeOf(dirname(file))]).toEqual(['600', '700'])
    expect(readdirSync(dirname(file))).toEqual(['config.json'])
    await ok('config format=')
    expect(modeOf(file)).toBe('600')
  })

  it('creates no file to remove a setting from', async () => {
    await ok('config store=')
    expect(existsSync(file)).toBe(false)
  })

  it.each([
    ['config stor', 'unknown setting "stor"\n  hint: did you mean "store"?'],
    ['config keyfil=/x', 'unknown setting "keyfil"\n  hint: did you mean "keyfile"?'],
    ['config =x', 'unknown setting ""'],
    ['config format=xml', 'Invalid output format: xml'],
    ['config store=gs://b/p', 'the setting store has the unsupported scheme gs:'],
    ['config store=s3://acme-keys/p', 'the setting store names no Region'],
    ['config store=a/b', 'the setting store is a relative path'],
    ['config keyfile=a', 'the setting keyfile is a relative path'],
    ['config store=/a format=json', 'Too many arguments (expected 1, got 2)'],
  ])('%s is refused, and nothing is saved', async (line, message) => {
    const { stdout, stderr, status } = await run(line)
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 })
    expect(stderr).toContain(message)
    expect(existsSync(file)).toBe(false)
  })

  it('does not repeat the value of an unknown setting', async () => {
    expect((await run('config passphrase=hunter2')).stderr).not.toContain('hunter2')
  })
})

describe('a saved setting', () => {
  it('chooses the store and the keyfile', async () => {
    await ok(`config store=${testbed.home}/elsewhere`)
    await ok(`config keyfile=${testbed.home}/kept/keyfile`)
    await run('write -f keymgmt/key/app type=aes256-gcm96')
    expect(readdirSync(join(testbed.home, 'elsewhere')).sort()).toContain('seal.json')
    expect(readdirSync(join(testbed.home, 'kept'))).toEqual(['keyfile'])
    expect(await ok('list keymgmt/key')).toBe('Keys\n----\napp\n')
    const COMPLETION = { COMP_LINE: 'keymgmt read keymgmt/key/' }
    expect(await ok('', COMPLETION)).toBe('keymgmt/key/app \n')
    const { status } = await run('list keymgmt/key', { KEYMGMT_STORE: `${testbed.home}/other` })
    expect(status).toBe(2)
  })

  it('chooses the format, which a variable and a flag override', async () => {
    await ok('config format=json')
    expect(JSON.parse(await ok('version'))).toEqual({ version: expect.any(String) })
    expect(await ok('version', { VAULT_FORMAT: 'yaml' })).toMatch(/^version: /)
    expect(await ok('version -format=table', { VAULT_FORMAT: 'yaml' })).toMatch(/^keymgmt v/)
    const { stderr } = await run('read keymgmt/nope')
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'PATH_UNSUPPORTED' } })
  })

  it('is shown by status with its source', async () => {
    await ok('config keyfile=/srv/f')
    const { data } = JSON.parse(
      await ok('status -format=json', { KEYMGMT_STORE: join(testbed.home, 's') }),
    ) as { data: unknown }
    expect(data).toMatchObject({
      store: join(testbed.home, 's'),
      store_source: 'KEYMGMT_STORE',
      keyfile: '/srv/f',
      keyfile_source: 'settings',
      format: 'json',
      format_source: '-format',
    })
    expect(await ok('status')).toMatch(/\nkeyfile_source +settings\n[^]*\nstore_source +default\n/)
  })

  it('two variables that name the store are refused', async () => {
    const { stderr, status } = await run('list keymgmt/key', {
      KEYMGMT_STORE: '/a',
      KEYMGMT_HOME: '/b',
    })
    expect(status).toBe(2)
    expect(stderr).toContain('KEYMGMT_STORE and KEYMGMT_HOME are both set')
  })
})

describe('a damaged settings file', () => {
  it.each([
    ['cut short', '{"store": "/srv', 'it is not valid JSON'],
    ['empty', '', 'it is not valid JSON'],
    ['a list', '["/srv/k"]', 'it is not a JSON object'],
    ['null', 'null', 'it is not a JSON object'],
    ['with an unknown setting', '{"stor": "/srv/k"}', 'did you mean "store"?'],
    ['with a number', '{"store": 7}', 'the setting store is not a string'],
    ['with an unsupported store', '{"store": "gs://b/p"}', 'has the unsupported scheme gs:'],
    ['with an unknown format', '{"format": "xml"}', 'Invalid output format: xml'],
  ])('(%s) is reported and kept', async (_how, text, problem) => {
    writeSettings(text)
    for (const line of ['config', 'config store=/srv/k', 'config store=', 'list keymgmt/key']) {
      const { stdout, stderr, status } = await run(line)
      expect({ line, stdout, status }).toEqual({ line, stdout: '', status: 2 })
      expect(stderr).toContain(`the settings file ${file} is damaged`)
      expect(stderr).toContain(problem)
      expect(stderr).toContain('remove it to return to the defaults')
    }
    expect(readFileSync(file, 'utf8')).toBe(text)
    expect(await ok('help status')).toContain('Usage: keymgmt status')
  })

  it('that other users can read is refused', async () => {
    writeSettings('{}')
    chmodSync(file, 0o644)
    const { stderr, status } = await run('config')
    expect(status).toBe(2)
    expect(stderr).toContain(`chmod 600 ${file}`)
  })

  it('is not looked for if HOME is not a folder', async () => {
    const [HOME, KEYMGMT_HOME] = ['/dev/null', join(testbed.home, 'k')]
    expect(await ok('version', { HOME, KEYMGMT_HOME })).toMatch(/^keymgmt v/)
    const { stderr, status } = await run('config format=json', { HOME, KEYMGMT_HOME })
    expect(status).toBe(2)
    expect(stderr).toContain("/dev/null/.config/keymgmt/config.json can't be used: ")
  })
})

describe('conf', () => {
  const bundle = join(process.cwd(), 'dist/bundle')
  const chunks = readdirSync(bundle).filter((name) => name.endsWith('.cjs'))
  const textOf = (name: string) => readFileSync(join(bundle, name), 'utf8')
  const confChunks = chunks.filter((name) => textOf(name).includes('Config schema violation'))

  it('has its own chunk', () => {
    expect(confChunks).toHaveLength(1)
  })

  it('is loaded only if a settings file exists', async () => {
    const copy = join(testbed.home, 'package')
    mkdirSync(join(copy, 'dist/bundle'), { recursive: true })
    for (const name of ['bin/keymgmt.js', 'bin/package.json', 'package.json']) writeCopy(copy, name)
    for (const name of chunks) writeCopy(copy, join('dist/bundle', name))
    rmSync(join(copy, 'dist/bundle', confChunks[0] ?? ''))
    const binary = join(copy, 'bin/keymgmt.js')
    expect(await testbed.run('list keymgmt/key', { binary })).toMatchObject({ status: 2 })
    expect(await testbed.run('config store', { binary })).toMatchObject({ status: 0, stderr: '' })
    writeSettings('{}')
    const { stderr } = await testbed.run('config store', { binary })
    expect(stderr).toContain('MODULE_NOT_FOUND')
  })
})

function writeCopy(folder: string, name: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), readFileSync(name))
}
