/**
 * Runs a task on a store in its own process: `worker.js STORE_DIR TASK [RECORD [SIZE]]`. Prints the
 * error that ends it, and on stderr a lock that it waits for.
 */
import { storeAt, TASKS } from './tasks.js'

const [storeDir = '', task = '', path = 'key/app', size = '20'] = process.argv.slice(2)
const store = storeAt(storeDir, (message) => process.stderr.write(`${message}\n`))
await TASKS[task as keyof typeof TASKS](store, path, Number(size)).catch((error: unknown) => {
  const { code, message } = error as { code?: string; message: string }
  process.stdout.write(`${code ?? 'no code'}: ${message}\n`)
  process.exitCode = 7
})
