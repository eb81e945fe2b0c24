/**
 * Preload this into a process (`NODE_OPTIONS=--import=file:///…/kill-at-file-operation.js`) to kill
 * it with SIGKILL at its n-th file operation that changes something, as the OOM killer or a power
 * failure may. Variables:
 *
 * - `KILL_BELOW`: the folder whose operations are counted, by path or by descriptor;
 * - `KILL_AT_FILE_OPERATION`: n, from 1; without it, the process is not killed;
 * - `KILL_FUNCTIONS`: names of the functions to count, such as `rename,unlink`; default: all;
 * - `KILL_WHEN`: `before` (the default) or `after` the operation;
 * - `KILL_COUNT_FILE`: a file, not below KILL_BELOW, that receives the number of counted operations
 * when the process exits.
 *
 * Only synchronous functions are counted. Asynchronous ones throw below the folder, because
 * operations that are not counted would not be tested.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

type Call = (...args: unknown[]) => unknown
const {
  KILL_BELOW,
  KILL_AT_FILE_OPERATION,
  KILL_FUNCTIONS,
  KILL_WHEN = 'before',
  KILL_COUNT_FILE,
} = process.env
const only = KILL_FUNCTIONS?.split(',')
const below = KILL_BELOW === undefined ? undefined : `${resolve(KILL_BELOW)}${sep}`
const killAt = Number(KILL_AT_FILE_OPERATION ?? 0)
const functions = fs as unknown as Record<string, Call>
const promises = fs.promises as unknown as Record<string, Call>
const { openSync, writeSync, closeSync, writeFileSync } = fs
const descriptors = new Set<number>()
let counted = 0

/** Functions that change the file at the path in their first or second argument. */
const BY_PATH = [
  'appendFile',
  'chmod',
  'chown',
  'copyFile',
  'cp',
  'lchown',
  'link',
  'lutimes',
  'mkdir',
  'mkdtemp',
  'open',
  'rename',
  'rm',
  'rmdir',
  'symlink',
  'truncate',
  'unlink',
  'utimes',
  'writeFile',
]
const BY_DESCRIPTOR = [
  'fchmod',
  'fchown',
  'fdatasync',
  'fsync',
  'ftruncate',
  'futimes',
  'write',
  'writev',
]

const isCounted = (target: unknown): boolean => {
  if (typeof target === 'number') return descriptors.has(target)
  if (typeof target !== 'string' && !(target instanceof URL) && !Buffer.isBuffer(target))
    return false
  const path = target instanceof URL ? fileURLToPath(target) : target.toString()
  return below !== undefined && `${resolve(path)}${sep}`.startsWith(below)
}

const changes = (name: string, [target, second]: readonly unknown[]): boolean => {
  if (
    name === 'open' &&
    (second === undefined || second === 'r' || second === fs.constants.O_RDONLY)
  )
    return false
  return (
    isCounted(target) ||
    (['copyFile', 'cp', 'link', 'rename', 'symlink'].includes(name) && isCounted(second))
  )
}

const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

function counting(name: string, original: Call): Call {
  return (...args) => {
    if (!changes(name, args) || only?.includes(name) === false) return original(...args)
    const n = (counted += 1)
    if (n === killAt && KILL_WHEN === 'before') die()
    try {
      return original(...args)
    } finally {
      if (n === killAt) die()
    }
  }
}

for (const name of [...BY_PATH, ...BY_DESCRIPTOR]) {
  const sync = functions[`${name}Sync`]
  if (sync) functions[`${name}Sync`] = counting(name, sync)
  for (const asynchronous of [functions, promises]) {
    const original = asynchronous[name]
    if (!original) continue
    asynchronous[name] = (...args) => {
      if (changes(name, args))
        throw new Error(`an asynchronous ${name} below ${String(below)} is not counted`)
      return original(...args)
    }
  }
}

const countedOpen = fs.openSync
fs.openSync = (path, flags, mode) => {
  const descriptor = countedOpen(path, flags, mode)
  if (isCounted(path)) descriptors.add(descriptor)
  return descriptor
}
fs.closeSync = (descriptor) => {
  descriptors.delete(descriptor)
  closeSync(descriptor)
}
// writeFileSync creates a file and then writes to it. Both count, so that a kill can happen in
// between.
fs.writeFileSync = (file, data, options) => {
  if (typeof file !== 'number' && !isCounted(file)) {
    writeFileSync(file, data, options)
    return
  }
  const {
    flag = 'w',
    mode = 0o666,
    encoding = 'utf8',
  } = typeof options === 'object' && options ? options : { encoding: options ?? 'utf8' }
  const bytes =
    typeof data === 'string'
      ? Buffer.from(data, encoding ?? 'utf8')
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const descriptor = typeof file === 'number' ? file : fs.openSync(file, flag, mode)
  try {
    for (let offset = 0; offset < bytes.length;) offset += fs.writeSync(descriptor, bytes, offset)
  } finally {
    if (typeof file !== 'number') fs.closeSync(descriptor)
  }
}
syncBuiltinESMExports()

process.on('exit', () => {
  if (KILL_COUNT_FILE === undefined) return
  const descriptor = openSync(KILL_COUNT_FILE, 'w')
  writeSync(descriptor, String(counted))
  closeSync(descriptor)
})
