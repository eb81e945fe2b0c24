import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Makes `folder` and what is missing above it, mode 0700, so that they last through a power cut. */
export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const top = dirname(first)
  for (let current = dirname(folder); current.length >= top.length; current = dirname(current)) {
    syncFolder(current)
    if (current === dirname(current)) return
  }
}

/** A rename lasts through a power cut once its folder is on the disk. Windows has no such call, and no need of it. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/**
 * Makes `file`, mode 0600, whole or not at all, and durably.
 * @throws an error with the code EEXIST when it is there: it is never replaced.
 */
export function createFile(file: string, text: string): void {
  makeFolder(dirname(file))
  const draft = join(dirname(file), `.keymgmt-${randomBytes(8).toString('hex')}`)
  try {
    const handle = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    publish(draft, file)
  } finally {
    rmSync(draft, { force: true })
  }
  syncFolder(dirname(file))
}

/** A link never replaces its target, as a rename does; but not every file system has links. */
function publish(draft: string, file: string): void {
  try {
    linkSync(draft, file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code ?? '') || existsSync(file)) throw error
    renameSync(draft, file)
  }
}
