/**
 * Runs a task on a store in a process of its own: `worker.js STORE_DIR TASK [RECORD [SIZE]]`.
 * Prints the error that ends it.
 */
import { storeAt, TASKS } from './tasks.js'

const [storeDir = '', task = '', path = 'key/app', size = '20'] = process.argv.slice(2)
await TASKS[task as keyof typeof TASKS](storeAt(storeDir), path, Number(size)).catch(
  (error: unknown) => {
    const { code, message } = error as { code?: string; message: string }
    process.stdout.write(`${code ?? 'no code'}: ${message}\n`)
    process.exitCode = 7
  },
)
