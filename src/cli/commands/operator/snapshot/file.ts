import { dirname } from 'node:path'
import {
  openSnapshot,
  parseSnapshot,
  type Snapshot,
} from '../../../../core/operations/snapshot-file.js'
import { saveSnapshot } from '../../../../core/operations/snapshot-save.js'
import { KeymgmtError } from '../../../../errors.js'
import type { OpenedEngine } from '../../../../open-engine.js'
import type { Store } from '../../../../store/index.js'
import { createFile } from '../../../../store/atomic-file.js'
import { exists } from '../../../../store/files.js'
import { storageError } from '../../../../store/permissions.js'
import { printWarnings } from '../../../output/index.js'
import { systemReason } from '../../../system-error.js'
import { writeWarning, type Terminal } from '../../../terminal.js'

/**
 * Reads a snapshot and opens it with the keyfile or the passphrase of this location.
 * @throws KeymgmtError SNAPSHOT_INVALID, STORE_SEALED
 */
export async function readSnapshot(
  terminal: Terminal,
  { seals }: OpenedEngine,
  file: string,
): Promise<Snapshot> {
  const sealed = parseSnapshot(readFile(terminal, file), file)
  return openSnapshot(sealed, await seals.open(sealed.seal))
}

function readFile(terminal: Terminal, file: string): Uint8Array {
  try {
    return terminal.readFile(file)
  } catch (cause) {
    throw new KeymgmtError(
      'SNAPSHOT_INVALID',
      `the snapshot ${file} can't be read: ${systemReason(cause)}`,
      { hints: ['check the name and the permissions of the file'], cause },
    )
  }
}

/**
 * Saves a snapshot of `store` in a new file with mode 0600, and proves that it opens.
 * @throws KeymgmtError SNAPSHOT_EXISTS; SYSTEM_FAILED if its folder does not exist, because a
 * volume may not be mounted; STORE_UNAVAILABLE if there is no store or the file can't be
 * written; errors of the store.
 */
export async function writeSnapshot(
  terminal: Terminal,
  { seals, engine }: OpenedEngine,
  file: string,
  store: Store = engine.store,
): Promise<Snapshot> {
  if (exists(file)) throw existsError(file)
  if (!exists(dirname(file))) throw noFolderError(file)
  const header = await seals.header()
  if (!header) {
    throw new KeymgmtError(
      'STORE_UNAVAILABLE',
      'the store does not exist yet, so nothing was saved',
      {
        hints: ['to see which store is in use: keymgmt status'],
      },
    )
  }
  const root = await seals.open(header)
  const { text, warnings } = await saveSnapshot(store, header, root, engine.now())
  const snapshot = openSnapshot(parseSnapshot(Buffer.from(text), file), root)
  try {
    if (!createFile(file, text)) throw existsError(file)
  } catch (error) {
    throw storageError(error, file)
  }
  printWarnings((warning) => {
    writeWarning(terminal, warning)
  }, warnings)
  return snapshot
}

function existsError(file: string): KeymgmtError {
  return new KeymgmtError('SNAPSHOT_EXISTS', `the file ${file} already exists`, {
    hints: ['choose another name for the snapshot; nothing was changed'],
  })
}

function noFolderError(file: string): KeymgmtError {
  return new KeymgmtError('SYSTEM_FAILED', `the folder of ${file} does not exist`, {
    hints: ['create the folder, or name another one; nothing was saved'],
  })
}
