import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import {
  exists,
  makeFolder,
  removeIfPossible,
  syncFile,
  syncFolder,
  syncFoldersAbove,
} from './files.js'

/*
 * Every file of the store is first written as a draft, which becomes the file in one step. A crash
 * or a full disk leaves the old file, or the new one, but never a part of it.
 */

/**
 * Creates `file` with mode 0600, durably. Never replaces a file: returns false if `file` exists.
 * Also removes drafts of `file` that killed processes left behind.
 */
export function createFile(file: string, text: string): boolean {
  makeFolder(dirname(file))
  const draft = join(dirname(file), `${draftPrefix(file)}${randomBytes(8).toString('hex')}`)
  try {
    writeNewFile(draft, text)
    return publish(draft, file)
  } catch (error) {
    // A faster process has created the file and removed our draft.
    if (exists(file)) return false
    throw error
  } finally {
    rmSync(draft, { force: true })
    removeDrafts(file)
  }
}

/**
 * Replaces `file`, or creates it, with mode 0600, durably. `draft` must not exist, must be on the
 * same file system, and must be used by this call only.
 */
export function replaceFile(file: string, text: string, draft: string): void {
  makeFolder(dirname(file))
  try {
    writeNewFile(draft, text)
    renameSync(draft, file)
  } catch (error) {
    removeIfPossible(draft)
    throw error
  }
  syncFolder(dirname(file))
}

/**
 * Removes the drafts of a file that exists. A process that still writes such a draft loses nothing:
 * it would not replace the file.
 */
export function removeDrafts(file: string): void {
  if (!exists(file)) return
  for (const name of readdirSync(dirname(file))) {
    if (name.startsWith(draftPrefix(file))) removeIfPossible(join(dirname(file), name))
  }
}

/** Windows has no O_NOFOLLOW (it is undefined there), and O_EXCL refuses links everywhere. */
const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/**
 * Writes `text` to a new file with mode 0600, syncs it, and reads it back: on a full disk, a write
 * can be cut short without an error.
 */
export function writeNewFile(file: string, text: string): void {
  const bytes = Buffer.from(text)
  const descriptor = openSync(file, NEW_FILE, 0o600)
  try {
    writeFileSync(descriptor, bytes)
    fsyncSync(descriptor)
    const written = Buffer.alloc(bytes.length)
    readSync(descriptor, written, 0, written.length, 0)
    if (fstatSync(descriptor).size !== bytes.length || !written.equals(bytes))
      throw Object.assign(new Error('short write'), { code: 'ENOSPC' })
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Unlike a rename, a link never replaces a file. On file systems without links, such as FAT, an
 * exclusive copy does the same.
 */
function publish(draft: string, file: string): boolean {
  try {
    linkSync(draft, file)
  } catch {
    if (exists(file)) return false
    copyFileSync(draft, file, constants.COPYFILE_EXCL)
    syncFile(file)
  }
  syncFolder(dirname(file))
  syncFoldersAbove(dirname(file))
  return true
}

function draftPrefix(file: string): string {
  return `.${basename(file)}.draft-`
}
