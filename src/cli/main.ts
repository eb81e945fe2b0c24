import { complain } from './complain.js'
import { parseFormat, type FormatName } from './format/index.js'
import { processIo, type Io } from './io.js'
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
  const status = await run(process.argv.slice(2), processIo(), interrupt.signal)
  return signalled > 0 ? signalled : status
}

/** Runs one command; answers its exit status. */
export async function run(argv: readonly string[], io: Io, signal: AbortSignal): Promise<number> {
  let format: FormatName = 'table'
  try {
    const { KEYMGMT_FORMAT = '', VAULT_FORMAT = '' } = io.env
    format = parseFormat(KEYMGMT_FORMAT === '' ? VAULT_FORMAT : KEYMGMT_FORMAT)
    return await runProgram(argv, { io, signal, format })
  } catch (error) {
    return complain(io, error, undefined, format)
  }
}
