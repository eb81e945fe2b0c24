import { processTerminal } from './terminal.js'
import { runProgram } from './program.js'

/** Runs the command of this process. Returns its exit status. */
export async function main(): Promise<number> {
  // Warnings of Node.js and the SDK are for keymgmt's developers, not for its users.
  process.removeAllListeners('warning')
  console.warn = () => undefined
  const interrupt = new AbortController()
  let signalled = 0
  const onSignal = (status: number) => () => {
    // A second signal ends the process at once. The records make that safe at any moment.
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
