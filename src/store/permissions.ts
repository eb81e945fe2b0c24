import { lstatSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { KeymgmtError } from '../errors.js'

/**
 * Refuses a file or folder that is not this user's alone. One that does not exist passes.
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
      'name the real place in KEYMGMT_HOME or KEYMGMT_KEYFILE',
    )
  if (stats.uid !== process.getuid?.()) throw refuse('belongs to another user')
  if ((stats.mode & 0o077) !== 0)
    throw refuse(
      `can be reached by others (mode ${modeOf(stats)})`,
      `chmod ${stats.isDirectory() ? '700' : '600'} ${path}`,
    )
}

/**
 * Refuses `path`, which is below `home`, unless it and every folder on the way to it, `home`
 * included, are this user's alone.
 * @throws KeymgmtError STORE_PERMISSIONS
 */
export function assertPrivateBelow(home: string, path: string): void {
  if (path.length > home.length) assertPrivateBelow(home, dirname(path))
  assertPrivate(path)
}

function modeOf({ mode }: Stats): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

const PROBLEMS: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  ENOSPC: ['no space is left', 'free some, then run the same command again'],
  EDQUOT: ['the disk quota is used up', 'free some space, then run the same command again'],
  EFBIG: [
    'files may not grow that large',
    'raise the limit (ulimit -f), then run the same command again',
  ],
  EROFS: ['the file system is read-only', 'make it writable, or move the store with KEYMGMT_HOME'],
  EACCES: ['permission is denied', 'run as the owner of the store'],
  EPERM: ['the operation is not permitted', 'run as the owner of the store'],
}

/** What a failed file operation on the store means to a person. */
export function storageError(error: unknown, path: string): unknown {
  if (error instanceof KeymgmtError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const [problem, hint] = PROBLEMS[code] ?? [
    `it failed with ${code}`,
    'see to the disk, then run the same command again',
  ]
  return new KeymgmtError('STORE_UNAVAILABLE', `the store can't use ${path}: ${problem}`, {
    hints: [hint],
    cause: error,
  })
}
