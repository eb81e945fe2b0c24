import { createHash, randomBytes } from 'node:crypto'
import {
  parseSealHeader,
  withoutPrevious,
  type RootKey,
  type SealHeader,
} from '../../crypto/root-key.js'
import { open, seal } from '../../crypto/seal.js'
import { KeymgmtError } from '../../errors.js'

/*
 * A snapshot is one JSON document: the seal header of its store, a sealed manifest, and the sealed
 * records. Each is sealed under the store's root key and bound to the id of this snapshot. Parts of
 * another snapshot, or of the store itself, therefore do not open as parts of this one. The
 * manifest names every record and its digest: none can be left out, added, swapped or repeated.
 */

const FORMAT = 1

/** The JSON of a snapshot. The sealed parts are in base64. */
interface SnapshotFile {
  readonly keymgmt_snapshot: typeof FORMAT
  /** 16 random bytes in hex. */
  readonly id: string
  readonly seal: SealHeader
  readonly manifest: string
  readonly records: readonly string[]
}

/** The plaintext of the manifest. */
interface Manifest {
  readonly created: string
  /** In the order of the file's records. */
  readonly records: readonly { readonly path: string; readonly sha256: string }[]
}

/** A parsed snapshot that has not been opened. */
export type SealedSnapshot = Pick<SnapshotFile, 'id' | 'seal' | 'manifest' | 'records'>

/** An open snapshot, whose manifest describes exactly its records. */
export interface Snapshot {
  readonly seal: SealHeader
  /** Time of creation, in RFC 3339. */
  readonly created: string
  /** The paths of its records, sorted. */
  readonly paths: readonly string[]
  /**
   * Opens one record; undefined if the snapshot has none at `path`. The caller wipes the result.
   * @throws KeymgmtError SNAPSHOT_INVALID
   */
  read(path: string): Uint8Array | undefined
}

/** A snapshot that is being written. Seals each record when it is added. */
export interface SnapshotWriter {
  /** Adds a record, which replaces an earlier one at `path`. */
  add(path: string, value: Uint8Array): void
  remove(path: string): void
  /** Returns the complete snapshot. */
  text(): string
}

/** Begins an empty snapshot of the store that `root` opens. */
export function createSnapshot(header: SealHeader, root: RootKey, created: Date): SnapshotWriter {
  const id = randomBytes(16).toString('hex')
  const records = new Map<string, Uint8Array>()
  return {
    add: (path, value) => {
      records.set(path, seal(root.key, value, bindingOf(root, id, `record ${path}`)))
    },
    remove: (path) => {
      records.delete(path)
    },
    text: () => {
      const sorted = [...records].sort(([one], [other]) => (one < other ? -1 : 1))
      const manifest: Manifest = {
        created: created.toISOString(),
        records: sorted.map(([path, sealed]) => ({ path, sha256: digestOf(sealed) })),
      }
      const bytes = Buffer.from(JSON.stringify(manifest))
      const file: SnapshotFile = {
        keymgmt_snapshot: FORMAT,
        id,
        // Every record in the snapshot is sealed under this root key.
        seal: withoutPrevious(header, root),
        manifest: toBase64(seal(root.key, bytes, bindingOf(root, id, 'manifest'))),
        records: sorted.map(([, sealed]) => toBase64(sealed)),
      }
      return `${JSON.stringify(file, null, 1)}\n`
    },
  }
}

/**
 * Parses a snapshot. Nothing in it is authenticated yet.
 * @throws KeymgmtError SNAPSHOT_INVALID for a truncated snapshot or for any other file;
 * STORE_VERSION for a later format.
 */
export function parseSnapshot(bytes: Uint8Array, file: string): SealedSnapshot {
  const { keymgmt_snapshot, id, seal, manifest, records } = parseObject(bytes, file)
  if (typeof keymgmt_snapshot === 'number' && keymgmt_snapshot > FORMAT) {
    throw new KeymgmtError(
      'STORE_VERSION',
      `the snapshot has format ${keymgmt_snapshot}; this version of keymgmt reads only format ${FORMAT}`,
      { hints: ['use the newer version of keymgmt that wrote it; nothing was changed'] },
    )
  }
  if (
    keymgmt_snapshot !== FORMAT ||
    typeof id !== 'string' ||
    typeof manifest !== 'string' ||
    !isStrings(records)
  )
    throw invalidError(`${file} is not a snapshot of keymgmt`)
  return { id, seal: parseHeader(seal), manifest, records }
}

/**
 * Opens the manifest and compares it with the sealed records. Opens no record.
 * @throws KeymgmtError SNAPSHOT_INVALID if a byte was changed, or a record is missing or swapped.
 */
export function openSnapshot(sealed: SealedSnapshot, root: RootKey): Snapshot {
  const { id } = sealed
  const openPart = (part: string, bytes: Uint8Array) => {
    try {
      return open(root.key, bytes, bindingOf(root, id, part))
    } catch (cause) {
      throw invalidError(`the ${part} of the snapshot does not open: it was changed`, cause)
    }
  }
  const manifest = openPart('manifest', Buffer.from(sealed.manifest, 'base64'))
  const { created, records } = JSON.parse(manifest.toString()) as Manifest
  const parts = sealed.records.map((text) => Buffer.from(text, 'base64'))
  if (parts.length !== records.length)
    throw invalidError(`the snapshot has ${parts.length} of its ${records.length} records`)
  const byPath = new Map(
    records.map(({ path, sha256 }, index) => {
      const part = parts[index] ?? Buffer.alloc(0)
      if (digestOf(part) !== sha256)
        throw invalidError(`the record ${path} of the snapshot was changed`)
      return [path, part] as const
    }),
  )
  return {
    seal: sealed.seal,
    created,
    paths: [...byPath.keys()],
    read: (path) => {
      const part = byPath.get(path)
      return part && openPart(`record ${path}`, part)
    },
  }
}

/**
 * The space keeps the two apart: no path of a store contains one, so a record of the store never
 * opens as a part of a snapshot.
 */
function bindingOf({ storeId }: RootKey, id: string, part: string) {
  return { storeId, path: `snapshot ${part}`, revision: 0, writeId: id }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function parseObject(bytes: Uint8Array, file: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(Buffer.from(bytes).toString()) ?? {}) as Record<string, unknown>
  } catch {
    throw invalidError(`${file} is not a snapshot of keymgmt, or it is truncated`)
  }
}

function parseHeader(header: unknown): SealHeader {
  try {
    return parseSealHeader(JSON.stringify(header ?? null))
  } catch (error) {
    if (error instanceof KeymgmtError && error.code === 'STORE_VERSION') throw error
    throw invalidError('the seal header of the snapshot is damaged')
  }
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function invalidError(message: string, cause?: unknown): KeymgmtError {
  return new KeymgmtError('SNAPSHOT_INVALID', message, {
    hints: ['use another copy of the snapshot; nothing was changed'],
    cause,
  })
}
