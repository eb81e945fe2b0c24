import { createHash, randomBytes } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeymgmtError } from '../errors.js'
import { makeFolder, removeIfPossible, writeNewFile } from './files.js'
import { storageError } from './permissions.js'
import type { Lock } from './store.js'

/*
 * A lock is the folder `<hash of its name>.lock`, and in it one file that says who holds it, named
 * by a token that no other lock ever has. To take it is to rename a folder made beforehand, which
 * fails while there is one with something in it; so a lock is never seen half made. To give it
 * back, or to take it from the dead, is to remove the file of that very token, so nobody can remove
 * the lock of whoever came next.
 */

/** Who holds a lock, as its file says. */
interface LockHolder {
  readonly token: string
  readonly host: string
  /**
   * The namespace of its pid; null where there are none. Containers of one host may share its name
   * but not its pids.
   */
  readonly pids: string | null
  readonly pid: number
  /**
   * When the process began, in a form that no other process of that pid shares; null where the
   * platform does not tell.
   */
  readonly start: string | null
  readonly purpose: string
  readonly since: string
}

/** How a lock is waited for. */
export interface LockOptions {
  readonly waitMs: number
  /** Told once, in words for a person, when something is waited for longer than a second. */
  readonly onWait?: ((message: string) => void) | undefined
}

/** A lock that is held. */
export interface HeldLock extends Lock {
  /** A file name that only the holder uses; it does not exist when the lock is taken. */
  readonly draft: string
}

/**
 * Takes the lock `name` in `folder`. The dead can't keep it: a holder on this host whose process is
 * gone is evicted, and what it left behind under that name is removed.
 * @throws KeymgmtError STORE_LOCKED when it is held for longer than `waitMs`.
 */
export async function takeLock(
  folder: string,
  name: string,
  purpose: string,
  options: LockOptions,
): Promise<HeldLock> {
  try {
    makeFolder(folder)
  } catch (error) {
    throw storageError(error, folder)
  }
  return take(
    folder,
    createHash('sha256').update(name).digest('hex').slice(0, 32),
    purpose,
    options,
  )
}

/**
 * Removes what the dead left of any lock in `folder`. It costs as much as there are locks held just
 * then.
 */
export async function tidyLocks(folder: string): Promise<void> {
  const stems = new Set(namesIn(folder).flatMap((name) => /^[0-9a-f]{32}(?=\.)/.exec(name) ?? []))
  for (const stem of stems) {
    const holder = look(join(folder, `${stem}.lock`))
    if (holder === 'unreadable' || (holder !== 'free' && !isDead(holder))) continue
    const lock = await take(folder, stem, 'tidy up', { waitMs: 0 }).catch(() => undefined)
    await lock?.release()
  }
}

async function take(
  folder: string,
  stem: string,
  purpose: string,
  { waitMs, onWait }: LockOptions,
): Promise<HeldLock> {
  const path = join(folder, `${stem}.lock`)
  const begin = performance.now()
  let tell = onWait
  for (;;) {
    const holder = evictIfDead(path, look(path))
    const token = holder === 'free' ? tryToTake(folder, stem, purpose) : undefined
    if (token !== undefined) return held(folder, stem, token)
    const waited = performance.now() - begin
    if (waited >= waitMs) throw locked(path, holder)
    if (waited > 1_000) {
      tell?.(`waiting for ${describe(path, holder)}`)
      tell = undefined
    }
    await sleep(Math.min(20 + Math.random() * 60, waitMs - waited))
  }
}

/** The token of the lock that was taken; undefined when another one was faster. */
function tryToTake(folder: string, stem: string, purpose: string): string | undefined {
  const path = join(folder, `${stem}.lock`)
  const token = randomBytes(8).toString('hex')
  const draft = join(folder, `${stem}.${token}`)
  try {
    mkdirSync(draft, { mode: 0o700 })
    const since = new Date().toISOString()
    const holder: LockHolder = {
      token,
      host: hostname(),
      pids: pidNamespace(),
      pid: process.pid,
      start: startOf(process.pid),
      purpose,
      since,
    }
    writeNewFile(join(draft, token), JSON.stringify(holder))
    renameSync(draft, path)
    return token
  } catch (error) {
    removeIfPossible(draft)
    removeIfEmpty(path)
    if (wasBeaten(error)) return undefined
    throw storageError(error, path)
  }
}

/**
 * The lock is taken, or its new holder has removed our draft. Windows says that it is not
 * permitted.
 */
function wasBeaten(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return (
    ['EEXIST', 'ENOTEMPTY', 'ENOENT'].includes(code) ||
    (process.platform === 'win32' && ['EPERM', 'EACCES'].includes(code))
  )
}

/**
 * While the lock is held no other draft of it can become one, so all of them may go: those of the
 * dead among them.
 */
function held(folder: string, stem: string, token: string): HeldLock {
  const path = join(folder, `${stem}.lock`)
  for (const name of namesIn(folder)) {
    if (name.startsWith(`${stem}.`) && name !== `${stem}.lock`) removeIfPossible(join(folder, name))
  }
  return {
    draft: join(folder, `${stem}.draft`),
    release: () => {
      try {
        remove(path, token)
      } catch {
        // This process will be gone soon, and then the lock is anyone's.
      }
      return Promise.resolve()
    },
  }
}

/** Who holds the lock at `path`; 'unreadable' for what this did not write. */
function look(path: string): LockHolder | 'free' | 'unreadable' {
  try {
    const [token, ...others] = readdirSync(path)
    if (token === undefined) return 'free'
    const holder = JSON.parse(readFileSync(join(path, token), 'utf8')) as LockHolder
    const isOurs =
      holder.token === token &&
      /^[0-9a-f]{16}$/.test(token) &&
      Number.isInteger(holder.pid) &&
      holder.pid > 0
    return isOurs && others.length === 0 ? holder : 'unreadable'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'free' : 'unreadable'
  }
}

function evictIfDead(path: string, holder: ReturnType<typeof look>): ReturnType<typeof look> {
  if (typeof holder === 'string' || !isDead(holder)) return holder
  try {
    remove(path, holder.token)
    return 'free'
  } catch (error) {
    throw storageError(error, path)
  }
}

/** Ends the lock of that token, and no other. */
function remove(path: string, token: string): void {
  try {
    unlinkSync(join(path, token))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  removeIfEmpty(path)
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Somebody holds it, or it is gone.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function isDead({ host, pids, pid, start }: LockHolder): boolean {
  if (host !== hostname() || pids !== pidNamespace()) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  return start !== null && startOf(pid) !== start
}

function pidNamespace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return null
  }
}

/**
 * Linux tells when a process began, in ticks since a boot that has an id; elsewhere a pid that
 * lives again looks alive.
 */
function startOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name stands in brackets and may hold anything: the fields begin after the last
    // of them.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return `${boot}:${fields[19] ?? ''}`
  } catch {
    return null
  }
}

function describe(path: string, holder: ReturnType<typeof look>): string {
  if (typeof holder === 'object')
    return `process ${holder.pid} on ${holder.host}: ${holder.purpose}`
  return holder === 'free'
    ? `others who take the lock ${path} in turn`
    : `the lock ${path}, which holds something else`
}

function locked(path: string, holder: ReturnType<typeof look>): KeymgmtError {
  if (typeof holder === 'string') {
    return new KeymgmtError('STORE_LOCKED', `waited in vain for ${describe(path, holder)}`, {
      hints: [
        `if no other keymgmt is at work on this store, remove ${path} and run the same command again`,
      ],
    })
  }
  const { pid, host, pids, purpose, since } = holder
  const isElsewhere = host !== hostname() || pids !== pidNamespace()
  return new KeymgmtError(
    'STORE_LOCKED',
    `process ${pid} on ${host} has been at work on the same since ${since}: ${purpose}`,
    {
      hints: [
        'wait for it, or stop it, then run the same command again',
        ...(isElsewhere ? [`if that process is gone, remove ${path}`] : []),
      ],
    },
  )
}
