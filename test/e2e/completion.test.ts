import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed
let env: Record<string, string>

beforeAll(async () => {
  testbed = await createTestbed()
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  const bin = join(testbed.home, 'bin')
  mkdirSync(bin)
  symlinkSync(resolve('bin/keymgmt.js'), join(bin, 'keymgmt'))
  env = {
    HOME: testbed.home,
    KEYMGMT_HOME: join(testbed.home, 'keymgmt'),
    PATH: `${bin}:${process.env.PATH ?? ''}`,
  }
})

afterAll(() => testbed.close())

const bash = (script: string, extra: Readonly<Record<string, string>> = {}) =>
  spawnSync('bash', ['--norc', '-c', script], { env: { ...env, ...extra }, encoding: 'utf8' })

/** Bash's own candidates for the last word of the line, after `setUp` has run. */
function candidates(setUp: string, line: string): readonly string[] {
  const words = line.split(/[ =]/)
  const script = `${setUp}
COMP_LINE='${line}' COMP_POINT=${line.length} COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${words.length - 1}
_keymgmt keymgmt '${words.at(-1) ?? ''}' '${words.at(-2) ?? ''}'
printf '%s\\n' "\${COMPREPLY[@]}"`
  return bash(script)
    .stdout.split('\n')
    .filter((found) => found !== '')
}

describe('completion in bash', () => {
  const SET_UP = 'eval "$(keymgmt completion bash)"'

  it.each([
    ['keymgmt wr', ['write ']],
    ['keymgmt read keymgmt/key/', ['keymgmt/key/app ']],
    ['keymgmt write keymgmt/key/new type=aes', ['aes256-gcm96 ']],
    ['keymgmt write keymgmt/key/new/import material=@ke', []],
  ])('%s', (line, expected) => {
    expect(candidates(SET_UP, line)).toEqual(expected)
  })

  it('is registered for keymgmt', () => {
    expect(bash(`${SET_UP}; complete -p keymgmt`).stdout).toBe(
      'complete -o default -o nospace -F _keymgmt keymgmt\n',
    )
  })
})

describe('the protocol of complete -C', () => {
  it('completes the part of the line before the cursor', async () => {
    const asked = await testbed.run('', {
      env: { COMP_LINE: 'keymgmt re keymgmt', COMP_POINT: '10' },
    })
    expect(asked).toEqual({ stdout: 'read \n', stderr: '', status: 0 })
  })

  it("prints nothing if the store can't be opened, and never prompts for a passphrase", async () => {
    const asked = await testbed.run('', {
      env: { COMP_LINE: 'keymgmt read keymgmt/key/', KEYMGMT_HOME: '/dev/null' },
    })
    expect(asked).toEqual({ stdout: '', stderr: '', status: 0 })
  })
})

describe('-autocomplete-install', () => {
  it('adds a working line to the start-up file, and removes it again', () => {
    const [bashrc, zshrc, fish] = [
      join(testbed.home, '.bashrc'),
      join(testbed.home, '.zshrc'),
      join(testbed.home, '.config', 'fish'),
    ]
    for (const file of [bashrc, zshrc]) writeFileSync(file, '# mine\n')
    mkdirSync(fish, { recursive: true })
    expect(bash('keymgmt -autocomplete-install')).toMatchObject({
      stdout: '',
      stderr: '',
      status: 0,
    })
    expect(candidates(`. ${bashrc}`, 'keymgmt wr')).toEqual(['write '])
    expect(readFileSync(zshrc, 'utf8')).toMatch(/^# mine\n\n.*compdef _keymgmt keymgmt\n$/)
    expect(readFileSync(join(fish, 'completions', 'keymgmt.fish'), 'utf8')).toContain(
      'complete -c keymgmt',
    )

    const again = bash('keymgmt --autocomplete-install')
    expect(again).toMatchObject({ stdout: '', status: 1 })
    expect(again.stderr).toBe(`already installed in ${bashrc}\n`)

    expect(bash('keymgmt -autocomplete-uninstall')).toMatchObject({
      stdout: '',
      stderr: '',
      status: 0,
    })
    for (const file of [bashrc, zshrc]) expect(readFileSync(file, 'utf8')).toBe('# mine\n')
    expect(existsSync(join(fish, 'completions', 'keymgmt.fish'))).toBe(false)
    expect(bash('keymgmt -autocomplete-uninstall').stderr).toBe(`not installed in ${bashrc}\n`)
  })

  it('creates no file if no shell is set up, and refuses both flags at once', () => {
    const empty = join(testbed.home, 'empty')
    mkdirSync(empty)
    expect(bash('keymgmt -autocomplete-install', { HOME: empty })).toMatchObject({
      stderr:
        'Did not find any shells to install\n  hint: print the script instead: keymgmt completion bash\n',
      status: 1,
    })
    expect(bash('keymgmt -autocomplete-install -autocomplete-uninstall')).toMatchObject({
      stderr: "-autocomplete-install and -autocomplete-uninstall can't be combined\n",
      status: 1,
    })
  })
})
