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
  const sealed = parseSnapshot(readFile(terminal, file))
  return openSnapshot(sealed, await seals.open(sealed.seal))
}

function readFile(terminal: Terminal, file: string): Uint8Array {
  try {
    return terminal.readFile(file)
  } catch (cause) {
    const { code = 'an unknown problem' } = cause as NodeJS.ErrnoException
    throw new KeymgmtError('SNAPSHOT_INVALID', `the snapshot ${file} can't be read: ${code}`, {
      hints: ['check the name and the permissions of the file'],
      cause,
    })
  }
}

/**
 * Saves a snapshot of `store` in a new file with mode 0600, and proves that it opens.
 * @throws KeymgmtError SNAPSHOT_EXISTS, STORE_UNAVAILABLE if there is no store or the file can't be
 * written; errors of the store.
 */
export async function writeSnapshot(
  terminal: Terminal,
  { seals, engine }: OpenedEngine,
  file: string,
  store: Store = engine.store,
): Promise<Snapshot> {
  if (exists(file)) throw existsError(file)
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
  const snapshot = openSnapshot(parseSnapshot(Buffer.from(text)), root)
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
  return new KeymgmtError('SNAPSHOT_EXISTS', `the file ${file} exists`, {
    hints: ['choose another name for the snapshot; nothing was changed'],
  })
}
