import { constants, type Stats } from 'node:fs'
import { KeymgmtError } from '../errors.js'
import { READ_ONLY, readRegularFile, UnsuitableFileError } from '../regular-file.js'
import { assertFoldersAbove } from './folders-above.js'
import { assertPrivateStats, assertSecretStats, linkError, storageError } from './permissions.js'

/** Windows does not have O_NOFOLLOW, and it is undefined there. */
const READ_NO_LINK = READ_ONLY | constants.O_NOFOLLOW

/** The largest file that is read: a record of a key with very many versions has some megabytes. */
const MAX_SIZE = 64 * 1024 * 1024

/**
 * Returns the text of a file that only this user may access; undefined if it doesn't exist. Does
 * not follow a link.
 * @throws KeymgmtError STORE_PERMISSIONS if other users can access it or it is a link,
 * STORE_UNAVAILABLE if it is not a regular file or can't be read.
 */
export function readPrivateFile(file: string): string | undefined {
  return readChecked(file, READ_NO_LINK, assertPrivateStats)?.toString('utf8')
}

/**
 * Returns the content of a keyfile or a passphrase file; undefined if it doesn't exist. Follows
 * links, because container platforms mount secrets as links.
 * @throws KeymgmtError STORE_PERMISSIONS if other users can read, change or replace it,
 * STORE_UNAVAILABLE if it is not a regular file or can't be read.
 */
export function readSecretFile(file: string): Buffer | undefined {
  assertFoldersAbove(file, 'follow')
  return readChecked(file, READ_ONLY, assertSecretStats)
}

function readChecked(
  file: string,
  flags: number,
  assertStats: (file: string, stats: Stats) => void,
): Buffer | undefined {
  const check = (stats: Stats) => {
    assertStats(file, stats)
  }
  try {
    return readRegularFile(file, { maxSize: MAX_SIZE, flags, check })
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined
    // FreeBSD reports EMLINK.
    if (flags === READ_NO_LINK && ['ELOOP', 'EMLINK'].includes(code)) throw linkError(file)
    if (code === 'ENXIO') throw unsuitableError(file, 'is not a regular file')
    if (error instanceof UnsuitableFileError) throw unsuitableError(file, error.message)
    throw storageError(error, file)
  }
}

function unsuitableError(file: string, problem: string): KeymgmtError {
  return new KeymgmtError('STORE_UNAVAILABLE', `${file} ${problem}`, {
    hints: ['put the right file in its place; nothing was changed'],
  })
}
