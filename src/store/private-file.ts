import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { KeymgmtError } from '../errors.js'
import { assertFoldersAbove } from './folders-above.js'
import { assertPrivateStats, assertSecretStats, linkError, storageError } from './permissions.js'

/*
 * Each file is opened first, and the open file is checked: between a check of a name and its use,
 * the name can be given to another file. To open a FIFO or a device must not wait.
 */

/** Windows has neither of the last two, and they are undefined there. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK
const READ_NO_LINK = READ | constants.O_NOFOLLOW

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
  return readChecked(file, READ, assertSecretStats)
}

function readChecked(
  file: string,
  flags: number,
  assertStats: (file: string, stats: Stats) => void,
): Buffer | undefined {
  let descriptor
  try {
    descriptor = openSync(file, flags)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined
    // FreeBSD reports EMLINK.
    if (flags === READ_NO_LINK && ['ELOOP', 'EMLINK'].includes(code)) throw linkError(file)
    if (code === 'ENXIO') throw notAFileError(file)
    throw storageError(error, file)
  }
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw notAFileError(file)
    assertStats(file, stats)
    return readFileSync(descriptor)
  } catch (error) {
    throw storageError(error, file)
  } finally {
    closeSync(descriptor)
  }
}

function notAFileError(file: string): KeymgmtError {
  return new KeymgmtError('STORE_UNAVAILABLE', `${file} is not a regular file`, {
    hints: ['put the file there that belongs there; nothing was changed'],
  })
}
