import { defineProgram } from '../../src/cli/commands/index.js'
import type { KeymgmtCommand } from '../../src/cli/commands/command.js'
import { processTerminal } from '../../src/cli/terminal.js'

/** The command table, for tests that read it. */
export async function programTable(): Promise<KeymgmtCommand> {
  return defineProgram({
    terminal: await processTerminal(),
    signal: new AbortController().signal,
    settings: {},
  })
}
