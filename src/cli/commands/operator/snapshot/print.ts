import { randomUUID } from 'node:crypto'
import type { SnapshotContents, Surplus } from '../../../../core/operations/snapshot-contents.js'
import type { Json } from '../../../../router/values.js'
import type { Format } from '../../../output/index.js'
import { printOptions } from '../../../output/response.js'
import type { Terminal } from '../../../terminal.js'

type Data = Readonly<Record<string, Json>>
type Row = Readonly<Record<string, string>>

/** Formats a response: data for a program, or rows for a person. */
export function formatted(
  terminal: Terminal,
  format: Format,
  { data, rows }: { readonly data: Data; readonly rows?: readonly Row[] },
): string {
  const response = { requestId: () => randomUUID(), data, warnings: [], ...(rows && { rows }) }
  return `${format.secret(response, printOptions(terminal))}\n`
}

/** Returns the content of a snapshot as data, with its keys and their versions. */
export function contentsData(contents: SnapshotContents): Data {
  return {
    ...countsData(contents),
    keys: contents.keys.map(({ name, type, versions }) => ({
      name,
      type,
      versions: [...versions],
    })),
  }
}

/** Returns the same data, but only the numbers of keys and versions. */
export function countsData(contents: SnapshotContents) {
  const { storeId, created, seals, providers, distributions, archived, keys } = contents
  return {
    archived,
    created,
    distributions,
    keys: keys.length,
    providers,
    seals: [...seals],
    store_id: storeId,
    versions: keys.reduce((sum, { versions }) => sum + versions.length, 0),
  }
}

/** Returns a key as a row of a table. */
export function keyRow({ name, type, versions }: SnapshotContents['keys'][number]): Row {
  return { Key: name, Type: type, Versions: versions.join(', ') }
}

/** Returns an item that a snapshot lacks as data. */
export function surplusData({ what, key, version, provider, region, subject }: Surplus): Data {
  return {
    what,
    key: key ?? '',
    version: version ?? 0,
    provider: provider ?? '',
    region: region ?? '',
    subject: subject ?? '',
  }
}

/** Returns an item that a snapshot lacks as a row of a table. */
export function surplusRow({ what, key, version, provider, region, subject }: Surplus): Row {
  return {
    'Not in the snapshot': what,
    Key: key ?? '',
    Version: version === undefined ? '' : String(version),
    Provider: provider ?? '',
    Region: region ?? '',
    Subject: subject ?? '',
  }
}
