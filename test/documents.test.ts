import { describe, expect, it } from '@jest/globals'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { subjects } from '../src/cli/help/subjects.js'
import { DEFAULT_TIMEOUT, parseDuration } from '../src/cli/input/duration.js'
import { printError } from '../src/cli/output/error.js'
import { DELETION_WINDOW } from '../src/core/records/deletion-window.js'
import { ERRORS } from '../src/errors.js'
import { MAX_NAME_LENGTH } from '../src/names.js'
import { PATHS } from '../src/paths/index.js'
import { mountHelp } from '../src/router/help.js'
import { programTable } from './support/program.js'

// Documents and help agree with the code and with each other.

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'RELEASING.md', 'SECURITY.md'],
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
const read = (page: string) => readFileSync(page, 'utf8')
const SUBJECTS = subjects(await programTable())
const help = (subject: string) => SUBJECTS.get(subject)?.().replace(/\s+/g, ' ') ?? ''

describe('the length of a name', () => {
  it.each([
    ['help paths', help('paths')],
    ['path-help keymgmt', mountHelp(PATHS, '')],
  ])('%s', (_name, text) => {
    expect(text).toContain(`at most ${MAX_NAME_LENGTH} `)
  })
})

describe('the deletion window', () => {
  const { min, max } = DELETION_WINDOW

  it('README.md and docs state its bounds', () => {
    expect(read('README.md')).toContain(`\`deletion_window=${min}\` to \`${max}\``)
    expect(read('docs/from-vault.md')).toContain(`\`deletion_window=${min}\` to \`${max}\``)
    expect(read('docs/paths.md')).toContain(`; without one, ${DELETION_WINDOW.default}.`)
  })

  it('the field accepts exactly its bounds', () => {
    const path = PATHS.find(({ pattern }) => pattern === 'keymgmt/kms/:name/key/:key')
    const field = path?.operations.delete?.fields.deletion_window
    expect([field?.parse(String(min)), field?.parse(String(max))]).toEqual([min, max])
    for (const days of [min - 1, max + 1]) expect(() => field?.parse(String(days))).toThrow()
  })
})

describe('the time limit', () => {
  it('is in docs/reference.md and in the help on write', () => {
    const minutes = parseDuration('timeout', DEFAULT_TIMEOUT) / 60_000
    expect(read('docs/reference.md')).toContain(`The default is ${minutes} minutes`)
    expect(help('write')).toContain(`else ${DEFAULT_TIMEOUT}.`)
  })
})

describe('the error codes', () => {
  it('docs/json.md lists them all, with exit status and meaning', () => {
    const rows = [...read('docs/json.md').matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (.*) \|$/gm)]
    expect(
      Object.fromEntries(
        rows.map(([, code = '', exitStatus, meaning]) => [
          code,
          { exitStatus: Number(exitStatus), meaning },
        ]),
      ),
    ).toEqual(ERRORS)
  })

  it('help exit-codes lists them all', () => {
    const text = help('exit-codes')
    for (const [code, { exitStatus, meaning }] of Object.entries(ERRORS))
      expect(text).toContain(`${code} (${exitStatus}) ${meaning}`)
  })

  it('a bug of keymgmt is INTERNAL, and exits with 2', () => {
    let printed = ''
    const io = { env: {}, err: (text: string) => (printed += text) }
    expect(printError(io as never, new TypeError('bCiYmNro'), undefined, 'json')).toBe(2)
    expect(JSON.parse(printed)).toMatchObject({ error: { code: 'INTERNAL', exit_status: 2 } })
    expect(printed).not.toContain('bCiYmNro')
  })
})

describe('the files that the documents name exist', () => {
  /** Folders that a name in a document may be relative to. */
  const ROOTS = ['.', 'src', 'src/dev-kms']

  it.each(PAGES)('%s', (page) => {
    const named = [
      ...read(page).matchAll(/`([\w.-]+(?:\/[\w.-]+)+\.(?:ts|js|json)|src\/[\w/-]+)`/g),
    ]
    const missing = named
      .map(([, name = '']) => name)
      .filter((name) => !name.startsWith('dist/'))
      .filter((name) => !ROOTS.some((root) => existsSync(join(root, name))))
    expect(missing).toEqual([])
  })
})

describe('the links of the documents', () => {
  /** GitHub's anchor of a heading. */
  const anchorOf = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-')
  const anchors = (page: string) =>
    [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))

  it.each([...PAGES, 'CHANGELOG.md'])('%s', (page) => {
    const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)]
      .map(([, link, image]) => link ?? image ?? '')
      .filter((target) => !/^https?:/.test(target))
    const broken = targets.filter((target) => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      return !existsSync(file) || (anchor !== undefined && !anchors(file).includes(anchor))
    })
    expect(broken).toEqual([])
  })
})
