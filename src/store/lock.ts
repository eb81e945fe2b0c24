import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeymgmtError } from '../errors.js'
import { writeNewFile } from './atomic-file.js'
import { makeFolder, removeIfPossible } from './files.js'
import { storageError } from './permissions.js'
import { readPrivateFile } from './private-file.js'
import { hasEnded, identifyProcess, sharesPids, type ProcessIdentity } from './process-identity.js'
import type { Lock } from './store.js'

/*
 * A lock is a folder, `<hash of its name>.lock`, with one file. The file describes the holder, and
 * its name is a token that is unique to this acquisition.
 *
 * To acquire the lock, a process prepares such a folder under another name and renames it. The
 * rename fails while the lock's folder has a file, so no process ever sees an incomplete lock. To
 * release the lock, or to evict a holder that died, a process removes the file with that token. It
 * thus can't remove the lock of the next holder.
 */

/** The holder of a lock, as the lock's file describes it. */
interface LockHolder extends ProcessIdentity {
  readonly token: string
  readonly purpose: string
  readonly since: string
}

/** Options for the wait for a lock. */
export interface LockOptions {
  readonly waitMs: number
  /** Receives one message for the user if the wait exceeds a second. */
  readonly onWait?: ((message: string) => void) | undefined
}

/** A lock that this process holds. */
export interface HeldLock extends Lock {
  /** A file name for the holder's own use. No such file exists when the lock is acquired. */
  readonly draft: string
}

/**
 * Acquires the lock `name` in `folder`. Evicts a holder whose process has certainly ended, and
 * removes the files that it left under that name.
 * @throws KeymgmtError STORE_LOCKED if the lock is not free within `waitMs`.
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
  return take(folder, stemOf(name), purpose, options)
}

function stemOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32)
}

/**
 * Waits until all locks in `folder` that are held now, except the lock `own`, are released.
 * @throws KeymgmtError STORE_LOCKED if that takes longer than `waitMs`.
 */
export async function awaitLocks(folder: string, own: string, options: LockOptions): Promise<void> {
  const stems = namesIn(folder).flatMap((name) => /^([0-9a-f]{32})\.lock$/.exec(name)?.[1] ?? [])
  const others = stems.filter((stem) => stem !== stemOf(own))
  await Promise.all(others.map((stem) => awaitHolder(join(folder, `${stem}.lock`), options)))
}

/** Waits until the holder has released the lock, or has certainly ended. */
async function awaitHolder(path: string, options: LockOptions): Promise<void> {
  const pause = createPause(options)
  let first: string | undefined
  for (;;) {
    const holder = evictIfDead(path, readHolder(path))
    if (holder === 'free') return
    const token = typeof holder === 'string' ? holder : holder.token
    // Another holder acquired the lock later.
    if (token !== (first ??= token)) return
    await pause(path, holder)
  }
}

/**
 * Returns a function that pauses before the next look at a lock that somebody holds. It throws when
 * the wait is over.
 */
function createPause({ waitMs, onWait }: LockOptions) {
  const begin = performance.now()
  let notify = onWait
  return async (path: string, holder: ReturnType<typeof readHolder>) => {
    const waited = performance.now() - begin
    if (waited >= waitMs) throw lockedError(path, holder)
    if (waited > 1_000) {
      notify?.(`waiting for ${describeHolder(path, holder)}`)
      notify = undefined
    }
    await sleep(Math.min(20 + Math.random() * 60, waitMs - waited))
  }
}

/**
 * Removes the locks and drafts of processes that have ended from `folder`. The cost grows with the
 * number of locks that are held at that moment.
 */
export async function tidyLocks(folder: string): Promise<void> {
  const stems = new Set(namesIn(folder).flatMap((name) => /^[0-9a-f]{32}(?=\.)/.exec(name) ?? []))
  for (const stem of stems) {
    const holder = readHolder(join(folder, `${stem}.lock`))
    if (holder === 'unreadable' || (holder !== 'free' && !hasEnded(holder, holder.since))) continue
    const lock = await take(folder, stem, 'tidy up', { waitMs: 0 }).catch(() => undefined)
    await lock?.release()
  }
}

async function take(
  folder: string,
  stem: string,
  purpose: string,
  options: LockOptions,
): Promise<HeldLock> {
  const path = join(folder, `${stem}.lock`)
  const pause = createPause(options)
  for (;;) {
    const holder = evictIfDead(path, readHolder(path))
    const token = holder === 'free' ? tryToTake(folder, stem, purpose) : undefined
    if (token !== undefined) return held(folder, stem, token)
    await pause(path, holder)
  }
}

/** Returns the token of the acquired lock; undefined if another process was faster. */
function tryToTake(folder: string, stem: string, purpose: string): string | undefined {
  const path = join(folder, `${stem}.lock`)
  const token = randomBytes(8).toString('hex')
  const draft = join(folder, `${stem}.${token}`)
  try {
    mkdirSync(draft, { mode: 0o700 })
    const since = new Date().toISOString()
    const holder: LockHolder = { ...identifyProcess(), token, purpose, since }
    writeNewFile(join(draft, token), JSON.stringify(holder))
    renameSync(draft, path)
    return token
  } catch (error) {
    removeIfPossible(draft)
    removeIfEmpty(path)
    if (isTaken(error)) return undefined
    throw storageError(error, path)
  }
}

/**
 * Returns true if the lock is taken, or if its new holder has removed our draft. Windows reports
 * missing permission instead.
 */
function isTaken(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return (
    ['EEXIST', 'ENOTEMPTY', 'ENOENT'].includes(code) ||
    (process.platform === 'win32' && ['EPERM', 'EACCES'].includes(code))
  )
}

/**
 * Removes every other draft of the lock, including those of processes that have ended. None of them
 * can become the lock while it is held.
 */
function held(folder: string, stem: string, token: string): HeldLock {
  const path = join(folder, `${stem}.lock`)
  for (const name of namesIn(folder)) {
    if (name.startsWith(`${stem}.`) && name !== `${stem}.lock`) removeIfPossible(join(folder, name))
  }
  let isHeld = true
  return {
    draft: join(folder, `${stem}.draft`),
    isHeld: () => isHeld,
    release: () => {
      isHeld = false
      try {
        remove(path, token)
      } catch {
        // When this process ends, the next one evicts it.
      }
      return Promise.resolve()
    },
  }
}

/** Returns the holder of the lock at `path`; 'unreadable' if this module didn't write the file. */
function readHolder(path: string): LockHolder | 'free' | 'unreadable' {
  try {
    const [token, ...others] = readdirSync(path)
    if (token === undefined) return 'free'
    const text = readPrivateFile(join(path, token))
    if (text === undefined) return 'free'
    const holder = JSON.parse(text) as LockHolder
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

function evictIfDead(
  path: string,
  holder: ReturnType<typeof readHolder>,
): ReturnType<typeof readHolder> {
  if (typeof holder === 'string' || !hasEnded(holder, holder.since)) return holder
  try {
    remove(path, holder.token)
    return 'free'
  } catch (error) {
    throw storageError(error, path)
  }
}

/** Removes the lock with this token, and no other lock. */
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
    // Another process holds the lock, or has removed the folder.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function describeHolder(path: string, holder: ReturnType<typeof readHolder>): string {
  if (typeof holder === 'object')
    return `process ${holder.pid} on ${holder.host}: ${holder.purpose}`
  return holder === 'free'
    ? `the lock ${path}, which other processes acquire first`
    : `the lock ${path}, which has unknown content`
}

function lockedError(path: string, holder: ReturnType<typeof readHolder>): KeymgmtError {
  if (typeof holder === 'string') {
    return new KeymgmtError(
      'STORE_LOCKED',
      `timed out waiting for ${describeHolder(path, holder)}`,
      {
        hints: [
          `if no other keymgmt command uses this store, remove ${path} and run the same command again`,
        ],
      },
    )
  }
  const { pid, host, purpose, since } = holder
  return new KeymgmtError(
    'STORE_LOCKED',
    `process ${pid} on ${host} has held the lock since ${since}: ${purpose}`,
    {
      hints: [
        'wait until it ends, or stop it, then run the same command again',
        ...(sharesPids(holder) ? [] : [`if that process has ended, remove ${path}`]),
      ],
    },
  )
}
