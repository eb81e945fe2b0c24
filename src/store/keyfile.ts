import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { KeymgmtError } from '../errors.js'
import { createFile } from './files.js'
import { assertPrivate, storageError } from './permissions.js'

const PREFIX = 'keymgmt-keyfile-v1:'

/**
 * The keyfile's secret, 32 bytes. The caller wipes it.
 * @throws KeymgmtError STORE_SEALED when it is missing or is no keyfile, STORE_PERMISSIONS when
 * others can reach it.
 */
export function readKeyfile(file: string): Buffer {
  const text = readPrivate(file)
  if (text === undefined) {
    throw new KeymgmtError(
      'STORE_SEALED',
      `the keyfile that this store is sealed with is missing: ${file}`,
      {
        hints: ['put it back, or name its place in KEYMGMT_KEYFILE; nothing was changed'],
      },
    )
  }
  const secret = text.startsWith(PREFIX)
    ? Buffer.from(text.slice(PREFIX.length).trim(), 'base64')
    : Buffer.alloc(0)
  if (secret.length === 32) return secret
  throw new KeymgmtError('STORE_SEALED', `${file} is not a keyfile, or was cut short`, {
    hints: ['restore it from a backup; nothing was changed'],
  })
}

/**
 * Makes a keyfile with a new secret, durably, unless there is a file already; answers whether it
 * did.
 */
export function createKeyfile(file: string): boolean {
  try {
    return createFile(file, `${PREFIX}${randomBytes(32).toString('base64')}\n`)
  } catch (error) {
    throw storageError(error, file)
  }
}

/** The text of a file that must be this user's alone; undefined when it does not exist. */
export function readPrivate(file: string): string | undefined {
  assertPrivate(file)
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storageError(error, file)
  }
}
