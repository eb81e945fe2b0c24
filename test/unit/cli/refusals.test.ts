import { describe, expect, it } from '@jest/globals'
import { CommanderError, InvalidArgumentError } from 'commander'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KeymgmtError } from '../../../src/errors.js'
import { KeymgmtCommand } from '../../../src/cli/commands/command.js'
import { fromGoFlags } from '../../../src/cli/go-flags.js'
import { toRefusal } from '../../../src/cli/refusals.js'
import { programTable } from '../../support/program.js'

const SECRET = "bCiYmNro'LxLmPNQ47VI is invalid. vjlm8mQu5oktZcQdq195w"

/** The error for arguments that commander refuses. No action runs. */
async function refusal(program: KeymgmtCommand, args: readonly string[]): Promise<KeymgmtError> {
  const { command, argv } = fromGoFlags(args, program)
  command.action(() => {
    throw new Error(`${command.fullName} is not refused`)
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return toRefusal(error, command, program)
    throw error
  }
  throw new Error('no error')
}

/** Arguments, the message, and the first hint. */
const REFUSALS: readonly (readonly [args: readonly string[], message: string, hint?: string])[] = [
  [['read', '-nope', 'p'], 'flag provided but not defined: -nope', 'to list the flags, add -h'],
  [['read', '-formt', 'p'], 'flag provided but not defined: -formt', 'did you mean -format?'],
  [
    ['read', '-force', 'p'],
    'flag provided but not defined: -force',
    'only these commands have -force: write, operator snapshot restore',
  ],
  [
    ['delete', '-f', 'p'],
    'flag provided but not defined: -f',
    'only these commands have -f: write, operator snapshot restore',
  ],
  [['delete', '-f=1', 'p'], 'flag provided but not defined: -f'],
  [['read', '-force=true', 'p'], 'flag provided but not defined: -force'],
  [['read', `-nope=${SECRET}`, 'p'], 'flag provided but not defined: -nope'],
  [
    ['read', `-${SECRET}`, 'p'],
    'bad flag syntax',
    'put -- before an argument that begins with a dash',
  ],
  [['read', `-----BEGIN PRIVATE KEY-----\n${SECRET}`], 'bad flag syntax'],
  [['read', '---nope'], 'bad flag syntax'],
  [['read', '-=nope'], 'bad flag syntax'],
  [['read', 'p', '-field'], 'flag needs an argument: -field'],
  [['read', '-output-policy', '-timeout'], 'flag needs an argument: -timeout'],
  [
    ['write', `-f=${SECRET}`, 'p'],
    'invalid boolean value for -force',
    'write -force or -force=false',
  ],
  [['write', '-dry-run', '-output-policy', 'p'], "-dry-run and -output-policy can't be combined"],
  [
    ['-autocomplete-install', '-autocomplete-uninstall'],
    "-autocomplete-install and -autocomplete-uninstall can't be combined",
  ],
  [['dev', `-quotas=${SECRET}`], 'invalid value for flag -quotas: use one of aws, none'],
  [
    ['dev', `-credentials=${SECRET}`],
    'invalid value for flag -credentials: is ID:SECRET, without white space',
  ],
  [
    ['dev', `-listen=${SECRET}`],
    'invalid value for flag -listen: is HOST:PORT, such as 127.0.0.1:8443',
  ],
  [['dev', `-account=${SECRET}`], 'invalid value for flag -account: an account ID has 12 digits'],
  [
    ['completion', SECRET],
    'invalid value for SHELL: use one of bash, zsh, fish',
    'for example: eval "$(keymgmt completion bash)"',
  ],
  [
    ['read', `credentials=${SECRET}`],
    'invalid value for PATH: the first argument must be the PATH, not name=value',
    'for example: keymgmt read keymgmt/key/app',
  ],
  [
    ['read'],
    'Not enough arguments (expected 1, got 0)',
    'for example: keymgmt read keymgmt/key/app',
  ],
  [['list', 'p', SECRET], 'Too many arguments (expected 1, got 2)'],
  [['status', SECRET], 'Too many arguments (expected 0, got 1)'],
  [['reed', SECRET], 'unknown command "reed"', 'did you mean "read"?'],
  [['a=b'], 'the first argument must be a command, not name=value'],
  [['-v', 'reed'], 'flag provided but not defined: -v'],
]

describe('command lines that commander refuses', () => {
  it.each(REFUSALS)('%j', async (args, message, ...firstHint) => {
    const { message: said, hints, code } = await refusal(await programTable(), args)
    expect(said).toBe(message)
    expect(hints.slice(0, firstHint.length)).toEqual(firstHint)
    expect(JSON.stringify([said, hints])).not.toMatch(/bCiYmNro|MQu5oktZ|PRIVATE/)
    expect(code).toBe(message.includes('command') ? 'COMMAND_UNKNOWN' : 'USAGE')
  })

  it.each([
    [['operator'], 'keymgmt operator needs the name of a command'],
    [['operator', 'sav'], 'unknown command "sav"'],
  ])('%j, in a command that has subcommands', async (args, message) => {
    const save = new KeymgmtCommand('save').action(() => 0)
    const program = new KeymgmtCommand('keymgmt')
      .enablePositionalOptions()
      .addCommand(new KeymgmtCommand('operator').addCommand(save))
    const { command, argv } = fromGoFlags(args, program)
    const error = await program.parseAsync(argv, { from: 'user' }).catch((each: unknown) => each)
    expect(toRefusal(error as CommanderError, command, program)).toMatchObject({
      code: 'COMMAND_UNKNOWN',
      message,
      hints: expect.arrayContaining(['to list the commands: keymgmt operator -h']),
    })
  })

  it('an argument that a parser of ours refuses', async () => {
    const program = await programTable()
    expect(toRefusal(new InvalidArgumentError('x'), program, program)).toBeInstanceOf(KeymgmtError)
  })
})

describe('the one table of flags', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name, readFileSync(join('src', name), 'utf8')] as const)
  const filesWith = (pattern: RegExp) =>
    sources.filter(([, text]) => pattern.test(text)).map(([name]) => name)

  it('flags and arguments are declared in commands/ only', () => {
    const declaring = filesWith(/new (Option|Argument)\(|\.(option|requiredOption|argument)\(/)
    expect(declaring.filter((name) => !name.startsWith('cli/commands/'))).toEqual([])
    expect(declaring).toContain('cli/commands/flags.ts')
  })

  it('a flag that several commands have is declared once', () => {
    const declared = sources.flatMap(([, text]) =>
      [...text.matchAll(/new Option\(\s*'(?:-\w, )?(--[\w-]+)/g)].map(([, flag]) => flag),
    )
    expect(declared.length).toBeGreaterThan(10)
    expect(declared.filter((flag, index) => declared.indexOf(flag) !== index)).toEqual([])
  })

  it('nothing else reads the arguments of the process', () => {
    expect(filesWith(/process\.argv\.slice|parseArgs\b/)).toEqual(['cli/main.ts'])
  })
})
