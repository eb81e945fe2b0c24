import { lstatSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { KeymgmtError } from '../errors.js'

/**
 * Refuses a folder that other users can access, and a file. Accepts one that doesn't exist.
 * @throws KeymgmtError STORE_PERMISSIONS; STORE_UNAVAILABLE for a file
 */
export function assertPrivate(folder: string): void {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (!stats) return
  if (stats.isSymbolicLink()) throw linkError(folder)
  if (!stats.isDirectory()) {
    throw new KeymgmtError('STORE_UNAVAILABLE', `${folder} is not a folder`, {
      hints: ['check KEYMGMT_STORE, KEYMGMT_HOME and the setting store'],
    })
  }
  assertPrivateStats(folder, stats)
}

/**
 * Refuses a file or folder that other users can access, or a symbolic link.
 * @throws KeymgmtError STORE_PERMISSIONS
 */
export function assertPrivateStats(path: string, stats: Stats): void {
  if (stats.isSymbolicLink()) throw linkError(path)
  if (process.platform === 'win32') return
  if (stats.uid !== process.getuid?.()) throw foreignError(path)
  if ((stats.mode & 0o077) !== 0)
    throw permissionsError(
      `${path} is accessible to other users (mode ${modeOf(stats)})`,
      `chmod ${stats.isDirectory() ? '700' : '600'} ${path}`,
    )
}

/**
 * Refuses a secret that somebody else chose or that other users can read. Secrets that a container
 * platform mounts belong to root, and a group may read them if nobody can write them.
 * @throws KeymgmtError STORE_PERMISSIONS
 */
export function assertSecretStats(path: string, stats: Stats): void {
  if (process.platform === 'win32') return
  const user = process.getuid?.()
  if (stats.uid !== user && stats.uid !== 0) throw foreignError(path)
  const isReadOnly = (stats.mode & 0o222) === 0 || stats.uid !== user
  if ((stats.mode & (isReadOnly ? 0o037 : 0o077)) !== 0)
    throw permissionsError(
      `${path} is accessible to other users (mode ${modeOf(stats)})`,
      `chmod 600 ${path}, or mount the secret with mode 0400 or 0440`,
    )
}

/**
 * Refuses `path` if other users can access it, `storeDir`, or a folder between them.
 * @throws KeymgmtError STORE_PERMISSIONS
 */
export function assertPrivateBelow(storeDir: string, path: string): void {
  if (path.length > storeDir.length) assertPrivateBelow(storeDir, dirname(path))
  assertPrivate(path)
}

/** Creates the error for a link in a place where links are not followed. */
export function linkError(path: string): KeymgmtError {
  return permissionsError(
    `${path} is a symbolic link, which the store does not follow`,
    'set KEYMGMT_HOME or KEYMGMT_KEYFILE to the real location',
  )
}

/** Creates the error for a file or folder that other users can read or change. */
export function permissionsError(message: string, hint: string): KeymgmtError {
  return new KeymgmtError('STORE_PERMISSIONS', message, { hints: [hint] })
}

function foreignError(path: string): KeymgmtError {
  return permissionsError(
    `${path} belongs to another user`,
    'run as that user, or change the owner (chown)',
  )
}

/** Returns the permissions in octal, as `chmod` takes them. */
export function modeOf({ mode }: Pick<Stats, 'mode'>): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

const PROBLEMS: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  ENOSPC: ['no space is left', 'free some space, then run the same command again'],
  EDQUOT: ['the disk quota is exceeded', 'free some space, then run the same command again'],
  EFBIG: [
    'the file would exceed the size limit',
    'raise the limit (ulimit -f), then run the same command again',
  ],
  EROFS: ['the file system is read-only', 'make it writable, or move the store with KEYMGMT_HOME'],
  EACCES: ['permission denied', 'run as the owner of the store'],
  EPERM: ['operation not permitted', 'run as the owner of the store'],
}

/** Converts the error of a file operation into a KeymgmtError STORE_UNAVAILABLE. */
export function storageError(error: unknown, path: string): unknown {
  if (error instanceof KeymgmtError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const [problem, hint] = PROBLEMS[code] ?? [
    `the operation failed with ${code}`,
    'check the disk, then run the same command again',
  ]
  return new KeymgmtError('STORE_UNAVAILABLE', `the store can't use ${path}: ${problem}`, {
    hints: [hint],
    cause: error,
  })
}
