import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { normalizeFlags } from '../../../src/cli/flags.js'
import { loadFormat, printWarnings, selectField } from '../../../src/cli/format/index.js'
import { formatGoValue } from '../../../src/cli/format/go-value.js'
import { humanDuration } from '../../../src/cli/format/table.js'
import { wantsColour } from '../../../src/cli/io.js'
import { sanitizePath } from '../../../src/cli/sanitize-path.js'
import type { Json } from '../../../src/router/values.js'

const formats = { table: await loadFormat('table'), json: await loadFormat('json'), yaml: await loadFormat('yaml') }
const plain = { escapeControls: false }
const answer = (data: Record<string, Json>) => ({ requestId: 'e8147c9e-a3fd-71b6-075e-8f2d67393127', data, warnings: [] })

describe('values as Go prints them', () => {
  it.each<[Json, string]>([
    [null, '<nil>'], ['a', 'a'], [true, 'true'], [1.5, '1.5'], [[], '[]'], [['a', 'b'], '[a b]'],
    [[1, true, null, 's p'], '[1 true <nil> s p]'], [{}, 'map[]'],
    [{ k: [{ l: 'm' }], n: null }, 'map[k:[map[l:m]] n:<nil>]'],
    [{ 1: 'a', 2: 'b', 10: 'c' }, 'map[1:a 10:c 2:b]'],
  ])('%j is %s', (value, text) => { expect(formatGoValue(value)).toBe(text) })

  it.each([[0, '0s'], [1, '1s'], [60, '1m'], [90, '1m30s'], [3600, '1h'], [3601, '1h1s'], [5400, '1h30m'], [86400, '24h'], [2764800, '768h'], [-5, '-5s']])(
    '%d seconds are %s', (seconds, text) => { expect(humanDuration(seconds)).toBe(text) })
})

describe('the table', () => {
  it('is Vault\'s, to the byte', () => {
    const data = {
      versions: { 1: { creation_time: '2023-07-05T12:04:48.099141545Z' } }, type: 'aes256-gcm96', name: 'aes256-gcm96',
      min_enabled_version: 1, latest_version: 1, deletion_allowed: false,
    }
    expect(formats.table.secret(answer(data), plain)).toBe([
      'Key                    Value',
      '---                    -----',
      'deletion_allowed       false',
      'latest_version         1',
      'min_enabled_version    1',
      'name                   aes256-gcm96',
      'type                   aes256-gcm96',
      'versions               map[1:map[creation_time:2023-07-05T12:04:48.099141545Z]]',
    ].join('\n'))
  })
  it('says n/a for nothing, and nothing for no rows', () => {
    expect(formats.table.secret(answer({ a: '' }), plain)).toBe('Key    Value\n---    -----\na      n/a')
    expect(formats.table.secret(answer({}), plain)).toBe('')
  })
  it('shows what a terminal would act on, on a terminal only', () => {
    const data = answer({ a: '\u001b[31mred' })
    expect(formats.table.secret(data, { escapeControls: true })).toContain('\\x1b[31mred')
    expect(formats.table.secret(data, plain)).toContain('\u001b[31mred')
  })
})

describe('JSON and YAML', () => {
  const data = { name: 'a<b>&\u2028', versions: { 10: 'x', 2: 'y' }, empty: [], nothing: {} }
  it('write the envelope in Vault\'s order, escaped as Go does', () => {
    expect(formats.json.secret(answer(data), plain)).toBe(`{
  "request_id": "e8147c9e-a3fd-71b6-075e-8f2d67393127",
  "lease_id": "",
  "lease_duration": 0,
  "renewable": false,
  "data": {
    "empty": [],
    "name": "a\\u003cb\\u003e\\u0026\\u2028",
    "nothing": {},
    "versions": {
      "10": "x",
      "2": "y"
    }
  },
  "warnings": null,
  "mount_type": "keymgmt"
}`)
  })
  it('say the same', () => {
    expect(parse(formats.yaml.secret(answer(data), plain), { version: '1.1' })).toEqual(JSON.parse(formats.json.secret(answer(data), plain)))
  })
  it('quote in YAML what would be read as something else', () => {
    const text = formats.yaml.secret(answer({ a: 'yes', b: '1', c: '2020-01-01', d: 'null' }), plain)
    for (const line of ['a: "yes"', 'b: "1"', 'c: "2020-01-01"', 'd: "null"']) expect(text).toContain(line)
  })
  it('write lists bare', () => {
    expect(formats.json.list(['a', 'b'], plain)).toBe('[\n  "a",\n  "b"\n]')
    expect(formats.yaml.list(['a', 'b'], plain)).toBe('- a\n- b')
  })
})

describe('-field', () => {
  it.each([['name', 'app'], ['lease_duration', 0], ['renewable', false], ['constructor', undefined]] as const)('%s', (name, value) => {
    expect(selectField(answer({ name: 'app' }), name)).toBe(value)
  })
  it('data is all of the data', () => { expect(selectField(answer({ name: 'app' }), 'data')).toEqual({ name: 'app' }) })
})

it('warnings are wrapped evenly', () => {
  let text = ''
  printWarnings((part) => { text += part }, ['This is a rather long warning that definitely needs to be wrapped because it is longer than seventy-six characters, and then some more words follow to make three lines in total for the test of it.'])
  expect(text).toBe(`WARNING! The following warnings were returned from keymgmt:

  * This is a rather long warning that definitely needs to be wrapped because
  it is longer than seventy-six characters, and then some more words follow to
  make three lines in total for the test of it.

`)
})

describe('flags', () => {
  const table = { force: { kind: 'bool', alias: 'f' }, field: { kind: 'string' } } as const
  it.each([
    [['-f', 'p'], ['--force', 'p']], [['--force=true', 'p'], ['--force', 'p']], [['-force=F', 'p'], ['p']],
    [['-field', ' x ', 'p'], ['--field=x', 'p']], [['p', '--field=x'], ['p', '--field=x']],
    [['p', '-'], ['p', '-']], [['p', '--', '-field=x'], ['p', '--', '-field=x']], [['p', '-help'], ['p', '--help']],
    [['-force', 'false'], ['--force', 'false']],
  ])('%j are %j', (argv, normal) => { expect(normalizeFlags(argv, table)).toEqual(normal) })
  it.each([
    [['---x'], 'bad flag syntax: ---x'], [['-field'], 'flag needs an argument: -field'], [['-bogus'], 'flag provided but not defined: -bogus'],
    [['-F'], 'flag provided but not defined: -F'], [['-ff'], 'flag provided but not defined: -ff'],
    [['-force=yes'], 'invalid boolean value "yes" for -force: strconv.ParseBool: parsing "yes": invalid syntax'],
  ])('%j is refused', (argv, message) => { expect(() => normalizeFlags(argv, table)).toThrow(message) })
})

it.each([['/foo', 'foo'], ['//foo//', 'foo'], ['foo/bar/', 'foo/bar'], [' foo ', 'foo'], ['/ foo /', 'foo '], ['/', ''], ['', ''], [' / ', '']])(
  'the path %j is %j', (path, sane) => { expect(sanitizePath(path)).toBe(sane) })

it.each([[{}, true, true], [{}, false, false], [{ NO_COLOR: '1' }, true, false], [{ TERM: 'dumb' }, true, false], [{ FORCE_COLOR: '1' }, false, true], [{ VAULT_CLI_NO_COLOR: '1', FORCE_COLOR: '1' }, true, false]])(
  'colour with %j, terminal %s: %s', (env, tty, colour) => { expect(wantsColour(env, tty)).toBe(colour) })
