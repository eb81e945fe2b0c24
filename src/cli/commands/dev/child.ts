import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { KeymgmtError } from '../../../errors.js'

/**
 * Runs a command, and returns its exit status. The command gets the terminal, and with it the
 * signals typed there: this process only waits for its end.
 * @throws KeymgmtError USAGE when the command can't be run.
 */
export async function runChild(
  [file = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const ignore = () => undefined
  process.on('SIGINT', ignore)
  const child = spawn(file, args, { stdio: 'inherit', env })
  const forward = () => child.kill('SIGTERM')
  process.on('SIGTERM', forward)
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', (cause) => {
        reject(
          new KeymgmtError(
            'USAGE',
            `the command ${file} can't be run: ${(cause as NodeJS.ErrnoException).code ?? cause.name}`,
          ),
        )
      })
      child.on('close', (code, signal) => {
        resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
      })
    })
  } finally {
    process.off('SIGINT', ignore)
    process.off('SIGTERM', forward)
  }
}
