/**
 * Preloaded into a process (`NODE_OPTIONS=--import=file:///…/kill-at-file-operation.js`), this
 * kills it with SIGKILL at its n-th file operation that changes something, as the OOM killer or a
 * pulled plug may:
 *
 * - `KILL_BELOW`: the folder whose operations are counted, by their path or by the descriptor that
 * was opened there;
 * - `KILL_AT_FILE_OPERATION`: n, from 1; without it nobody is killed;
 * - `KILL_FUNCTIONS`: names, such as `rename,unlink`, when only those are counted;
 * - `KILL_WHEN`: `before` (the default) or `after` that operation;
 * - `KILL_COUNT_FILE`: a file, not below KILL_BELOW, that gets the number of counted operations
 * when the process exits.
 *
 * Only the synchronous functions are counted, and the asynchronous ones refuse to work below the
 * folder: what is not counted must not pass for tested.
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

/** The functions that change what their first, or second, argument names. */
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
// To write a whole file is to make it and then to fill it: death may come in between.
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
