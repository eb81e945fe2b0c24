import { afterAll, describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareShell, shellQuote } from '../../../src/cli/commands/dev/shells.js'
import {
  devEnvironment,
  REMOVED_VARIABLES,
  removedNames,
  SET_VARIABLES,
  setVariables,
  type DevStore,
} from '../../../src/cli/commands/dev/variables.js'

const home = mkdtempSync(join(tmpdir(), 'keymgmt-dev-test-'))
afterAll(() => {
  rmSync(home, { recursive: true, force: true })
})

const THROW_AWAY: DevStore = { home: '/t/store' }
const NAMED: DevStore = { storeDir: '/named', keyfile: '/k' }
const valuesFor = (store: DevStore) => ({
  endpoint: 'http://127.0.0.1:1',
  credentials: { accessKeyId: 'ID', secretAccessKey: 'SECRET' },
  region: 'eu-west-1',
  files: { settings: '/t/settings', awsConfig: '/t/config', awsCredentials: '/t/credentials' },
  store,
})

describe('the environment of a command', () => {
  const hostile = Object.fromEntries(
    REMOVED_VARIABLES.flatMap(({ names }) => names).map((name) => [name.replace('*', 'X'), 'x']),
  )
  const own = Object.fromEntries(SET_VARIABLES.map(({ name }) => [name, 'x']))

  it("contains only those of the caller's variables that concern neither AWS nor keymgmt", () => {
    const kept = { PATH: '/bin', HOME: '/h', HTTPS_PROXY: 'http://p', AWS_PAGER: '' }
    const values = valuesFor(THROW_AWAY)
    expect(devEnvironment({ ...hostile, ...own, ...kept }, values)).toEqual({
      ...kept,
      ...setVariables(values),
    })
    expect(Object.values(setVariables(values))).not.toContain('x')
  })

  it('names one store: the throw-away one, or the named one with its keyfile', () => {
    const storeOf = (store: DevStore) => {
      const env = devEnvironment({ ...hostile, ...own }, valuesFor(store))
      return [env.KEYMGMT_HOME, env.KEYMGMT_STORE, env.KEYMGMT_KEYFILE, env.KEYMGMT_PASSPHRASE]
    }
    expect(storeOf(THROW_AWAY)).toEqual(['/t/store', undefined, undefined, undefined])
    expect(storeOf(NAMED)).toEqual([undefined, '/named', '/k', 'x'])
  })

  it('removes names regardless of case, as Windows treats them', () => {
    expect(removedNames({ Aws_Profile: 'x', aws_container_x: 'x' }, valuesFor(NAMED))).toEqual([
      'Aws_Profile',
      'aws_container_x',
    ])
  })

  it('is listed in docs/dev-kms.md', () => {
    const rows = [
      ...SET_VARIABLES.map(({ name, meaning }) => `| \`${name}\` | ${meaning} |`),
      ...REMOVED_VARIABLES.map(
        ({ names, kind }) => `| ${kind} | ${names.map((name) => `\`${name}\``).join(', ')} |`,
      ),
    ]
    const page = readFileSync('docs/dev-kms.md', 'utf8')
    expect(rows.filter((row) => !page.includes(`\n${row}\n`))).toEqual([])
  })
})

const folder = { join: (...names: string[]) => join(home, ...names) }

describe('the prompt', () => {
  it.each([
    [['bash', 'script.sh']],
    [['bash', '-c', 'ls']],
    [['bash', '-l']],
    [['/bin/zsh', '-c', 'ls']],
    [['fish', 'script.fish']],
    [['sh']],
    [['constructor']],
    [[]],
  ])('%j runs unchanged', (command) => {
    expect(prepareShell(command, folder, {})).toBeUndefined()
  })

  /** The prompt of a bash with this `.bashrc`, before its first line. */
  function bashPrompt(bashrc: string): string {
    writeFileSync(join(home, '.bashrc'), bashrc)
    const { command = [], files = {} } = prepareShell(['bash', '-i'], folder, {}) ?? {}
    for (const [file, text] of Object.entries(files)) writeFileSync(file, text)
    const [file = '', ...args] = command
    const show = 'for each in 1 2; do eval "$PROMPT_COMMAND"; done; printf %s "$PS1"'
    return spawnSync(file, [...args, '-c', show], {
      env: { HOME: home, PATH: process.env.PATH },
      encoding: 'utf8',
    }).stdout
  }

  it.each([
    ['PS1="mine> "', '(keymgmt dev) mine> '],
    ['PS1="mine> "; PROMPT_COMMAND="true;"', '(keymgmt dev) mine> '],
    ['compute() { PS1="new> "; }; PROMPT_COMMAND=compute', '(keymgmt dev) new> '],
    ['set -u; unset PS1', '(keymgmt dev) '],
  ])('bash shows the prefix once with %j', (bashrc, prompt) => {
    expect(bashPrompt(bashrc)).toBe(prompt)
  })

  it("zsh reads its other start-up files from the user's folder", () => {
    const own = prepareShell(['zsh'], folder, { ZDOTDIR: "/it's" })
    expect(own).toMatchObject({ command: ['zsh'], env: { ZDOTDIR: join(home, 'zsh') } })
    expect(own?.files[join(home, 'zsh', '.zshenv')]).toMatch(/^export ZDOTDIR='\/it'\\''s'\n/)
    const none = prepareShell(['zsh'], folder, {})
    expect(none?.files[join(home, 'zsh', '.zshenv')]).toMatch(/^unset ZDOTDIR\n/)
  })

  it('fish changes its prompt after its start-up files', () => {
    const { command, files } = prepareShell(['/usr/bin/fish', '-l'], folder, {}) ?? {}
    expect(command).toEqual(['/usr/bin/fish', '--init-command', expect.any(String), '-l'])
    expect(command?.[2]).toContain('(keymgmt dev) ')
    expect(files).toEqual({})
  })
})

it.each(['plain/1+=', "it's", '$HOME `x` "y"', ''])(
  'a shell reads the quoted %j as the same text',
  (text) => {
    expect(
      spawnSync('sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' }).stdout,
    ).toBe(text)
  },
)
