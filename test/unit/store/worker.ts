/**
 * A process of its own on a store: `worker.js HOME TASK [RECORD [SIZE]]`. Prints the error that it
 * ends with.
 */
import { storeAt, TASKS } from './tasks.js'

const [home = '', task = '', path = 'key/app', size = '20'] = process.argv.slice(2)
await TASKS[task as keyof typeof TASKS](storeAt(home), path, Number(size)).catch(
  (error: unknown) => {
    const { code, message } = error as { code?: string; message: string }
    process.stdout.write(`${code ?? 'no code'}: ${message}\n`)
    process.exitCode = 7
  },
)
