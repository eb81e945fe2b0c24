import { expect, it } from '@jest/globals'
import { defineProgram } from '../../../src/cli/commands/index.js'
import { runProgram } from '../../../src/cli/program.js'
import { PLAIN, processTerminal } from '../../../src/cli/terminal.js'
import { programTable } from '../../support/program.js'

const ALL = (await programTable()).commands.map((command) => command.name())
const environment = {
  terminal: { ...(await processTerminal()), env: {}, style: PLAIN },
  signal: new AbortController().signal,
}

it.each(ALL)('the program for %s has only that command', async (name) => {
  const { commands } = await defineProgram({ ...environment, settings: {} }, name)
  expect(commands.map((command) => command.name())).toEqual([name])
})

it.each(['', 'raed', 'constructor', '-format=json'])(
  'the program for %j has all commands',
  async (name) => {
    const { commands } = await defineProgram({ ...environment, settings: {} }, name)
    expect(commands.map((command) => command.name())).toEqual(ALL)
  },
)

it.each([
  ['a flag of another command', ['read', '-listen=x', 'keymgmt/key'], 'have -listen: dev'],
  ['a mistyped command', ['raed', 'keymgmt/key'], 'did you mean "read"?'],
])('the hints on %s name the other commands', async (_name, args, hint) => {
  let errors = ''
  const terminal = { ...environment.terminal, err: (text: string) => (errors += text) }
  expect(await runProgram(args, { ...environment, terminal })).toBeGreaterThan(0)
  expect(errors).toContain(hint)
})

it.each([
  [['-format=table', 'version'], 'keymgmt v'],
  [['help', 'operator', 'check'], 'Usage: keymgmt operator check'],
  [['help'], 'Common commands:'],
])('%j finds every command', async (args, shown) => {
  let output = ''
  const terminal = { ...environment.terminal, out: (text: string) => (output += text) }
  expect(await runProgram(args, { ...environment, terminal })).toBe(0)
  expect(output).toContain(shown)
})
