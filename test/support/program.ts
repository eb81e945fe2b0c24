import { defineProgram } from '../../src/cli/commands/index.js'
import type { KeymgmtCommand } from '../../src/cli/commands/command.js'
import { processTerminal } from '../../src/cli/terminal.js'

/** The program as a table of commands, to be read. */
export async function programTable(): Promise<KeymgmtCommand> {
  return defineProgram({
    terminal: await processTerminal(),
    signal: new AbortController().signal,
    settings: {},
  })
}
