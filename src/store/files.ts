import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'

/** Durably creates `folder` and its missing parents with mode 0700. */
export function makeFolder(folder: string): void {
  if (exists(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) makeFolder(parent)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  syncFolder(parent)
}

/**
 * Makes the creation, renaming and removal of entries in `folder` survive a power failure. Windows
 * has no such call and does not need it.
 */
export function syncFolder(folder: string): void {
  if (process.platform !== 'win32') syncFile(folder)
}

/** Makes the content of `file` survive a power failure. */
export function syncFile(file: string): void {
  const descriptor = openSync(file, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Removes a file or folder that is no longer used. A failure leaves it for the next command. */
export function removeIfPossible(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // An unused file does no harm.
  }
}

/** Returns true if `path` exists, even as a dangling link. */
export function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
