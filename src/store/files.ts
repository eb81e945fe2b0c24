import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { permissionsError } from './permissions.js'

/**
 * Durably creates `folder` and its missing parents with mode 0700.
 * @throws KeymgmtError STORE_PERMISSIONS for root in a folder of another user: sudo can keep HOME,
 * and that user could not use the folder.
 */
export function makeFolder(folder: string): void {
  if (exists(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) makeFolder(parent)
  assertOwnFolder(parent, folder)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  syncFolder(parent)
}

function assertOwnFolder(parent: string, folder: string): void {
  if (process.getuid?.() !== 0) return
  const { uid } = statSync(parent)
  if (uid === 0) return
  throw permissionsError(
    `root would create ${folder} in ${parent}, which belongs to another user (uid ${uid})`,
    `run without sudo, or as root with root's own home: sudo -H; in a container, set HOME, or KEYMGMT_HOME for the store, to a folder of root's: KEYMGMT_HOME=/var/lib/keymgmt`,
  )
}

/**
 * Makes the creation, renaming and removal of entries in `folder` survive a power failure. Windows
 * has no such call and does not need it.
 */
export function syncFolder(folder: string): void {
  if (process.platform !== 'win32') syncFile(folder)
}

/**
 * Makes `folder` itself survive a power failure: a command that created it, or a folder above it,
 * may have been killed before it synced that. Goes up to the first folder of another user, in which
 * keymgmt creates no folder. Skips what can't be read.
 */
export function syncFoldersAbove(folder: string): void {
  const parent = dirname(folder)
  if (parent === folder || process.platform === 'win32') return
  try {
    syncFile(parent)
    if (statSync(parent).uid === process.getuid?.()) syncFoldersAbove(parent)
  } catch {
    // A folder that this user can't read was not created by this user.
  }
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
