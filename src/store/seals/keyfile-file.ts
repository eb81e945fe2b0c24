import { randomBytes } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import { createFile } from '../atomic-file.js'
import { assertFoldersAbove } from '../folders-above.js'
import { storageError } from '../permissions.js'
import { readSecretFile } from '../private-file.js'

const PREFIX = 'keymgmt-keyfile-v1:'

/**
 * Returns the keyfile's secret, 32 bytes, which the caller wipes; undefined if there is no file.
 * @throws KeymgmtError STORE_SEALED if the file is not a keyfile, STORE_PERMISSIONS if other users
 * can read or replace it, STORE_UNAVAILABLE if it can't be read.
 */
export function readKeyfile(file: string): Buffer | undefined {
  const text = readSecretFile(file)?.toString('utf8')
  if (text === undefined) return undefined
  const secret = text.startsWith(PREFIX)
    ? Buffer.from(text.slice(PREFIX.length).trim(), 'base64')
    : Buffer.alloc(0)
  if (secret.length === 32) return secret
  throw new KeymgmtError('STORE_SEALED', `${file} is not a keyfile, or it is incomplete`, {
    hints: ['restore the file from a backup; nothing was changed'],
  })
}

/** The error of a keyfile that does not exist. */
export function missingKeyfileError(file: string): KeymgmtError {
  return new KeymgmtError('STORE_SEALED', `the keyfile is missing: ${file}`, {
    hints: ['restore the file, or set KEYMGMT_KEYFILE to its location; nothing was changed'],
  })
}

/**
 * Copies a keyfile, unless there is none or a file is in the other place. Returns `different` if
 * that is another keyfile. Never replaces a file.
 * @throws KeymgmtError STORE_PERMISSIONS if other users can replace the file; as readKeyfile.
 */
export function copyKeyfile(from: string, to: string): 'none' | 'copied' | 'kept' | 'different' {
  const secret = readKeyfile(from)
  if (!secret) return 'none'
  try {
    if (writeKeyfile(to, secret)) return 'copied'
    return readKeyfile(to)?.equals(secret) ? 'kept' : 'different'
  } finally {
    secret.fill(0)
  }
}

/**
 * Durably creates a keyfile with a new secret. Returns false if a file exists.
 * @throws KeymgmtError STORE_PERMISSIONS if other users can replace the file.
 */
export function createKeyfile(file: string): boolean {
  return writeKeyfile(file, randomBytes(32))
}

function writeKeyfile(file: string, secret: Buffer): boolean {
  assertFoldersAbove(file, 'follow')
  try {
    return createFile(file, `${PREFIX}${secret.toString('base64')}\n`)
  } catch (error) {
    throw storageError(error, file)
  }
}
