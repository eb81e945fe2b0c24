import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { modeOf, permissionsError, storageError } from './permissions.js'

/** Linux follows at most this many links. */
const MAX_LINKS = 40

/**
 * Refuses `path` if other users can replace a folder above it, through which they could put another
 * file or folder in its place. Follows links, and checks the folders that contain them and their
 * targets. Folders that don't exist yet are accepted.
 * @throws KeymgmtError STORE_PERMISSIONS, or STORE_UNAVAILABLE if a folder can't be looked up.
 */
export function assertFoldersAbove(path: string, lastLink: 'follow' | 'keep'): void {
  if (process.platform === 'win32') return
  const names = namesOf(path)
  if (lastLink === 'keep') names.pop()
  try {
    for (const [folder, stats] of foldersOnTheWay(names)) assertIrreplaceable(folder, stats)
  } catch (error) {
    throw storageError(error, path)
  }
}

function* foldersOnTheWay(names: string[]): Generator<readonly [folder: string, stats: Stats]> {
  let folder: string = sep
  yield [folder, lstatSync(folder)]
  for (let links = 0, name = names.shift(); name !== undefined; name = names.shift()) {
    const next = join(folder, name)
    const stats = lstatSync(next, { throwIfNoEntry: false })
    if (!stats) return
    if (stats.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw Object.assign(new Error('too many links'), { code: 'ELOOP' })
      // A relative target starts at the folder of the link.
      names.unshift(...namesOf(resolve(folder, readlinkSync(next))))
      folder = sep
    } else {
      if (!stats.isDirectory()) return
      folder = next
      yield [folder, stats]
    }
  }
}

function namesOf(path: string): string[] {
  return resolve(path)
    .split(sep)
    .filter((name) => name !== '')
}

function assertIrreplaceable(folder: string, stats: Stats): void {
  const { mode, uid, gid } = stats
  // In a folder with the sticky bit, such as /tmp, only the owner of an entry replaces it.
  if ((mode & 0o1000) !== 0) return
  // Many systems have a separate group for each user, with the user's number.
  const isOwnGroup = gid === 0 || (gid === process.getgid?.() && gid === uid)
  if ((mode & 0o002) === 0 && ((mode & 0o020) === 0 || isOwnGroup)) return
  throw permissionsError(
    `other users can replace what is in the folder ${folder} (mode ${modeOf(stats)})`,
    `chmod go-w ${folder}, or use a folder that only you can change`,
  )
}
