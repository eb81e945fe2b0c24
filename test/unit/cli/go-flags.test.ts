import { describe, expect, it } from '@jest/globals'
import { Option } from 'commander'
import { KeymgmtCommand } from '../../../src/cli/commands/command.js'
import { asksForHelp, fromGoFlags } from '../../../src/cli/go-flags.js'

/** `keymgmt write` and `keymgmt operator snapshot save`. */
function table(): KeymgmtCommand {
  const save = new KeymgmtCommand('save')
    .argument('<FILE>')
    .addOption(new Option('--level <string>'))
    .action(() => 3)
  const write = new KeymgmtCommand('write')
    .argument('[words...]')
    .addOption(new Option('--field <string>'))
    .addOption(new Option('-f, --force'))
    .addOption(new Option('--format <string>'))
    .addOption(new Option('--pair <string...>'))
    .action(() => 0)
  return new KeymgmtCommand('keymgmt')
    .enablePositionalOptions()
    .addOption(new Option('--format <string>'))
    .addOption(new Option('-v, --version'))
    .addCommand(write)
    .addCommand(
      new KeymgmtCommand('operator').addCommand(new KeymgmtCommand('snapshot').addCommand(save)),
    )
}

/** Arguments, and the flags that commander then finds. */
const SPELLINGS: readonly (readonly [line: string, flags: object, words: readonly string[]])[] = [
  ['write -field=x p', { field: 'x' }, ['p']],
  ['write -field x p', { field: 'x' }, ['p']],
  ['write --field=x p', { field: 'x' }, ['p']],
  ['write --field x p', { field: 'x' }, ['p']],
  ['write -field=a=b p', { field: 'a=b' }, ['p']],
  ['write -field= p', { field: '' }, ['p']],
  ['write -field -x p', { field: '-x' }, ['p']],
  ['write -field -- p', { field: '--' }, ['p']],
  ['write -field=a -field=b p', { field: 'b' }, ['p']],
  ['write -force p', { force: true }, ['p']],
  ['write -f p', { force: true }, ['p']],
  ['write --f p', { force: true }, ['p']],
  ['write --force p', { force: true }, ['p']],
  ['write -force=true p', { force: true }, ['p']],
  ['write -f=1 p', { force: true }, ['p']],
  ['write -force=false p', {}, ['p']],
  ['write -f -force=F p', {}, ['p']],
  ['write -force=F -f p', { force: true }, ['p']],
  ['write -force false p', { force: true }, ['false', 'p']],
  ['write p a=b -f', { force: true }, ['p', 'a=b']],
  ['write p -field x a=b', { field: 'x' }, ['p', 'a=b']],
  ['-field x write p', { field: 'x' }, ['p']],
  ['-f write p', { force: true }, ['p']],
  ['write -- p -f', {}, ['p', '-f']],
  ['write p -- -field=x --', {}, ['p', '-field=x', '--']],
  ['write - p', {}, ['-', 'p']],
  ['write -pair=a -pair b p', { pair: ['a', 'b'] }, ['p']],
  ['write -format=json p', { format: 'json' }, ['p']],
  ['operator snapshot save f', {}, ['f']],
  ['operator -level=9 snapshot save f', { level: '9' }, ['f']],
]

describe("Go's spellings", () => {
  it.each(SPELLINGS)('%s', async (line, flags, words) => {
    const program = table()
    const found = fromGoFlags(line.split(' '), program)
    expect(found.words).toEqual(words)
    await program.parseAsync(found.argv, { from: 'user' })
    expect(found.command.opts()).toEqual(flags)
    expect(found.command.args).toEqual(words)
  })

  it('a nested command runs, and its exit status is kept', async () => {
    const program = table()
    const { command, argv } = fromGoFlags(['operator', 'snapshot', 'save', 'f'], program)
    expect(command.fullName).toBe('keymgmt operator snapshot save')
    await program.parseAsync(argv, { from: 'user' })
    expect(command.exitStatus).toBe(3)
  })

  it('the program accepts -format with every command', async () => {
    const program = table()
    const { argv } = fromGoFlags(['operator', 'snapshot', 'save', '-format', 'json'], program)
    await expect(program.parseAsync(argv, { from: 'user' })).rejects.toMatchObject({
      code: 'commander.unknownOption',
    })
    expect(program.opts()).toEqual({ format: 'json' })
  })

  it.each([
    ['a value of an unknown flag', ['write', '-nope=secret']],
    ['what looks like an unknown flag', ['write', '---secret=secret']],
    ['a value of a boolean flag', ['write', '-force=secret']],
  ])('%s is not passed on', (_what, args) => {
    expect(fromGoFlags(args, table()).argv.join(' ')).not.toMatch(/=secret/)
  })
})

describe('help', () => {
  it.each([
    ['-h', true],
    ['write p a=b -help', true],
    ['write -field --help', true],
    ['write -- -h', false],
    ['write -hh', false],
    ['write h', false],
    ['', false],
  ])('%j: %j', (line, asks) => {
    expect(asksForHelp(line.split(' '))).toBe(asks)
  })
})
