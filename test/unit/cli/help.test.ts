import { describe, expect, it } from '@jest/globals'
import { ENVIRONMENT } from '../../../src/cli/environment.js'
import { manual } from '../../../src/cli/help/manual.js'
import { helpOn, subjects } from '../../../src/cli/help/subjects.js'
import { TOPICS } from '../../../src/cli/help/topics.js'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KeymgmtCommand } from '../../../src/cli/commands/command.js'
import { programTable } from '../../support/program.js'

const program = await programTable()
const commands = program.commands.flatMap(({ all }) => all)
const SUBJECTS = [...subjects(program)]
const PAGES = [['keymgmt', () => helpOn(program)] as const, ...SUBJECTS]

it.each(PAGES)('the help on %s fits a terminal of 80 columns', (_name, help) => {
  const text = help()
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  expect(text).not.toMatch(/\t/)
  expect(text).toMatch(/[^\n]\n$/)
})

it.each(SUBJECTS)('the help on %s shows an example before any list', (_name, help) => {
  const text = help()
  const [example, options] = [text.indexOf('      $ '), text.indexOf('Options:')]
  expect(example).toBeGreaterThan(0)
  expect(options < 0 || example < options).toBe(true)
})

describe('the manual page', () => {
  const text = manual(program, '1.2.3')

  it('has every command, flag and topic, and each example as the user types it', () => {
    const unescaped = text.replaceAll('\\-', '-').replaceAll('\\(aq', "'").replaceAll('\\e', '\\')
    for (const command of commands) {
      const { options, examples } = command
      expect(unescaped).toContain(`\n.SS ${command.nameBelow(program)}\n`)
      for (const option of options) expect(unescaped).toContain(`\n.B -${option.name()}`)
      for (const { line } of examples) expect(unescaped).toContain(`\n.nf\n${line}\n.fi\n`)
    }
    for (const { name } of TOPICS) expect(unescaped).toContain(`\n.SH ${name.toUpperCase()}\n`)
  })

  it('uses only known roff requests of man(7)', () => {
    const requests = text
      .split('\n')
      .filter((line) => /^[.']/.test(line))
      .map((line) => line.split(' ')[0])
    expect(new Set(requests)).toEqual(
      new Set([
        '.TH',
        '.ad',
        '.SH',
        '.SS',
        '.PP',
        '.TP',
        '.B',
        '.BR',
        '.br',
        '.RS',
        '.RE',
        '.nf',
        '.fi',
      ]),
    )
    expect(text.replaceAll('\\-', '').match(/\\[^&e(]/g)).toBeNull()
  })
})

it('names of commands, and of flags within a command, are unique', () => {
  expect(new Set(SUBJECTS.map(([name]) => name)).size).toBe(commands.length + TOPICS.length)
  for (const command of [program, ...commands]) {
    const names = command.options.map((option) => option.name())
    expect(names).toEqual([...new Set(names)].sort())
  }
})

it('a flag has the same form in every command, because it is read before the command is known', () => {
  const kinds = new Map<string, string>()
  for (const option of [program, ...commands].flatMap(({ options }) => options))
    for (const name of [option.long, option.short].filter((each) => each !== undefined))
      expect(kinds.set(name, kinds.get(name) ?? option.flags).get(name)).toBe(option.flags)
})

it('a group of commands lists them', () => {
  const group = new KeymgmtCommand('operator')
    .description('Keeps the store.')
    .example('A snapshot', 'keymgmt operator save FILE')
    .addCommand(new KeymgmtCommand('save').summary('Save a snapshot').argument('<FILE>'))
  const parent = new KeymgmtCommand('keymgmt').addCommand(group)
  expect(helpOn(group)).toMatch(/^Usage: keymgmt operator <command>\n/)
  expect(helpOn(group)).toContain('\nCommands:\n\n    save      Save a snapshot\n')
  expect(group.commands.map(helpOn)).toEqual([
    expect.stringMatching(/^Usage: keymgmt operator save FILE\n/),
  ])
  expect(parent.commands).toEqual([group])
})

it('a group lists the commands of the groups in it, in help and in the manual page', () => {
  const operator = commands.find((command) => command.name() === 'operator')
  expect(operator && helpOn(operator)).toMatch(/\n {4}snapshot save +Save a snapshot/)
  expect(SUBJECTS.map(([name]) => name)).toContain('operator snapshot restore')
  const text = manual(program, '1.2.3').replaceAll('\\-', '-')
  expect(text).toContain('\n.B keymgmt operator snapshot restore\n[options] FILE\n')
  expect(text).not.toContain('\n.B keymgmt operator\n')
})

it('help and docs/reference.md list exactly the environment variables that the code reads', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('environment.ts'),
  )
  const read: string[] = sources.flatMap(
    (name) =>
      readFileSync(join('src', name), 'utf8').match(/\b(KEYMGMT|VAULT|XDG)_[A-Z_]+\b/g) ?? [],
  )
  const said = ENVIRONMENT.flatMap(([names]) => names.split(', '))
  expect([...new Set(read)].filter((name) => !said.includes(name))).toEqual([])
  const ours = said.filter((name) => /^(KEYMGMT|VAULT|XDG)_/.test(name))
  expect(ours.filter((name) => !read.includes(name))).toEqual([])
  const reference = readFileSync('docs/reference.md', 'utf8')
  expect(ours.filter((name) => !reference.includes(`\`${name}`))).toEqual([])
})
