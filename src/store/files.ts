import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Makes `folder` and what is missing above it, mode 0700, so that they last through a power cut.
 */
export function makeFolder(folder: string): void {
  if (isThere(folder)) return
  const above = dirname(folder)
  if (above !== folder) makeFolder(above)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  syncFolder(above)
}

/**
 * What was made, renamed or removed in `folder` lasts through a power cut. Windows has no such
 * call, and no need of it.
 */
export function syncFolder(folder: string): void {
  if (process.platform !== 'win32') syncFile(folder)
}

/** What was written to `file` lasts through a power cut. */
export function syncFile(file: string): void {
  const handle = openSync(file, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/**
 * Makes `file`, mode 0600, durably, whole or not at all; answers whether it did. A file that is
 * there is never replaced. What others who died of the same left beside it goes too.
 */
export function createFile(file: string, text: string): boolean {
  makeFolder(dirname(file))
  const draft = join(dirname(file), `${draftPrefix(file)}${randomBytes(8).toString('hex')}`)
  try {
    writeNewFile(draft, text)
    return publish(draft, file)
  } catch (error) {
    // Whoever was faster has removed our draft.
    if (isThere(file)) return false
    throw error
  } finally {
    rmSync(draft, { force: true })
    removeDrafts(file)
  }
}

/**
 * Removes the drafts of a file that exists. Should one belong to somebody who lives, all that fails
 * for them is to make a file that is already there.
 */
export function removeDrafts(file: string): void {
  if (!isThere(file)) return
  for (const name of readdirSync(dirname(file))) {
    if (name.startsWith(draftPrefix(file))) removeIfPossible(join(dirname(file), name))
  }
}

/**
 * Makes the file with all of `text`, on the disk; it must not be there. A disk that is full may cut
 * a write short without an error.
 */
export function writeNewFile(file: string, text: string): void {
  const handle = openSync(file, 'wx', 0o600)
  try {
    writeFileSync(handle, text)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  if (readFileSync(file, 'utf8') !== text) throw shortWrite()
}

/** The error of a write that came out short. */
export function shortWrite(): Error {
  return Object.assign(new Error('short write'), { code: 'ENOSPC' })
}

/** Removes a file or folder that nobody needs: where that fails it is merely untidy. */
export function removeIfPossible(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // The next one to come by may do better.
  }
}

/**
 * A link never replaces a file, as a rename would. Where there are no links, such as on FAT, an
 * exclusive copy does not either.
 */
function publish(draft: string, file: string): boolean {
  try {
    linkSync(draft, file)
  } catch {
    if (isThere(file)) return false
    copyFileSync(draft, file, constants.COPYFILE_EXCL)
    syncFile(file)
  }
  syncFolder(dirname(file))
  return true
}

function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined
}

function draftPrefix(file: string): string {
  return `.${basename(file)}.draft-`
}
