import { processTerminal } from './terminal.js'
import { runProgram } from './program.js'

/** Runs the command of this process; answers its exit status. */
export async function main(): Promise<number> {
  // Node's and the SDK's own warnings are for whoever maintains keymgmt, not for whoever uses it.
  process.removeAllListeners('warning')
  const interrupt = new AbortController()
  let signalled = 0
  const onSignal = (status: number) => () => {
    // A second one means it: the journal makes leaving at any moment safe.
    if (signalled > 0) process.exit(signalled)
    signalled = status
    interrupt.abort()
  }
  process.on('SIGINT', onSignal(130))
  process.on('SIGTERM', onSignal(143))
  const status = await runProgram(process.argv.slice(2), {
    terminal: await processTerminal(),
    signal: interrupt.signal,
  })
  return signalled > 0 ? signalled : status
}
