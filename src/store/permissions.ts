import { lstatSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { KeymgmtError } from '../errors.js'

/**
 * Refuses a file or folder that other users can access. Accepts one that doesn't exist.
 * @throws KeymgmtError STORE_PERMISSIONS
 */
export function assertPrivate(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (!stats || process.platform === 'win32') return
  const refuse = (problem: string, ...hints: string[]) =>
    new KeymgmtError('STORE_PERMISSIONS', `${path} ${problem}`, { hints })
  if (stats.isSymbolicLink())
    throw refuse(
      'is a symbolic link, which the store does not follow',
      'set KEYMGMT_HOME or KEYMGMT_KEYFILE to the real location',
    )
  if (stats.uid !== process.getuid?.())
    throw refuse('belongs to another user', 'run as that user, or change the owner (chown)')
  if ((stats.mode & 0o077) !== 0)
    throw refuse(
      `is accessible to other users (mode ${modeOf(stats)})`,
      `chmod ${stats.isDirectory() ? '700' : '600'} ${path}`,
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

function modeOf({ mode }: Stats): string {
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
