import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeymgmtError } from '../errors.js'
import { storageError } from './permissions.js'
import type { Lock } from './store.js'

/** Who holds a lock, as its file says. */
export interface LockHolder {
  /** Unlike any other lock ever taken. */
  readonly token: string
  readonly host: string
  readonly pid: number
  /** When the process began, in a form that no other process of that pid shares; null where the platform does not tell. */
  readonly start: string | null
  readonly purpose: string
  readonly since: string
}

/** How a lock is waited for. */
export interface LockOptions {
  readonly waitMs: number
  /** Told once when there is something to wait for. */
  readonly onWait?: ((holder: LockHolder) => void) | undefined
}

/** A lock file with nothing in it is being written, unless that has taken this long. */
const WRITING_MS = 5_000

/**
 * Takes the lock file `path`, which the dead can't keep: a holder on this host whose process is gone is evicted.
 * @throws KeymgmtError STORE_LOCKED when it is held for longer than `waitMs`.
 */
export async function takeLock(path: string, purpose: string, options: LockOptions): Promise<Lock> {
  const deadline = performance.now() + options.waitMs
  let told = false
  for (;;) {
    const token = tryCreate(path, purpose)
    if (token !== undefined) return heldLock(path, token)
    const holder = readHolder(path)
    if (holder && isDead(holder)) {
      await evict(path, holder, options)
      continue
    }
    if (holder && performance.now() >= deadline) throw locked(path, holder)
    if (holder && !told && options.waitMs - (deadline - performance.now()) > 1_000) {
      told = true
      options.onWait?.(holder)
    }
    await sleep(20 + Math.random() * 60)
  }
}

function heldLock(path: string, token: string): Lock {
  return {
    release: () => {
      removeIfOwn(path, token)
      return Promise.resolve()
    },
  }
}

/**
 * Removes a dead holder's lock. Only one process may do so, and only while it is that very lock: so the right to
 * remove it is a lock too, named after it, taken by the same rules (its own holder may die as well).
 */
async function evict(path: string, dead: LockHolder, options: LockOptions): Promise<void> {
  const claim = await takeLock(`${path}.${dead.token}`, `evict ${dead.purpose}`, options)
  try {
    removeIfOwn(path, dead.token)
  } finally {
    await claim.release()
  }
}

function tryCreate(path: string, purpose: string): string | undefined {
  const token = randomBytes(8).toString('hex')
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const file = openSync(path, 'wx', 0o600)
    try {
      const holder: LockHolder = { token, host: hostname(), pid: process.pid, start: startOf(process.pid), purpose, since: new Date().toISOString() }
      writeSync(file, JSON.stringify(holder))
    } finally {
      closeSync(file)
    }
    return token
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw storageError(error, path)
  }
}

/** The holder; undefined when nobody holds it, or somebody is just taking it. */
function readHolder(path: string): LockHolder | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    try {
      const holder = JSON.parse(text) as LockHolder
      // The token becomes part of a file name, so it is what this wrote or it is nothing.
      if (!/^[0-9a-f]{16}$/.test(holder.token)) throw new Error('no token of ours')
      return holder
    } catch {
      const { ino, mtimeMs } = statSync(path)
      if (Date.now() - mtimeMs < WRITING_MS) return undefined
      return { token: `${ino}-${Math.floor(mtimeMs)}`, host: hostname(), pid: 0, start: null, purpose: 'unknown', since: '' }
    }
  } catch {
    return undefined
  }
}

function removeIfOwn(path: string, token: string): void {
  if (readHolder(path)?.token !== token) return
  try {
    unlinkSync(path)
  } catch {
    // It is gone, which is what was wanted.
  }
}

function isDead({ host, pid, start }: LockHolder): boolean {
  if (host !== hostname()) return false
  if (pid === 0) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  return start !== null && startOf(pid) !== start
}

/** Linux tells when a process began, in ticks since a boot that has an id; elsewhere a pid that lives again looks alive. */
function startOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name stands in brackets and may hold anything: the fields begin after the last of them.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return `${boot}:${fields[19] ?? ''}`
  } catch {
    return null
  }
}

function locked(path: string, { pid, host, purpose, since }: LockHolder): KeymgmtError {
  const elsewhere = host === hostname() ? [] : [`if that process is gone, remove ${path}`]
  return new KeymgmtError('STORE_LOCKED', `process ${pid} on ${host} has been at work on the same since ${since}: ${purpose}`, {
    hints: ['wait for it, or stop it, then run the same command again', ...elsewhere],
  })
}
