import type { KeyTypeName } from '../../crypto/key-types.js'
import { sealName } from '../../crypto/root-key.js'
import {
  recordPath,
  without,
  type DistributionRecord,
  type KeyRecord,
  type KmsRecord,
} from '../records/model.js'
import type { Snapshot } from './snapshot-file.js'
import { recordIn } from './snapshot-records.js'

/** A key in a snapshot. */
export interface SnapshotKey {
  readonly name: string
  readonly type: KeyTypeName
  /** Includes a version whose rotation is not finished. */
  readonly versions: readonly number[]
}

/** The content of a snapshot, without secrets. */
export interface SnapshotContents {
  readonly storeId: string
  readonly created: string
  /** The names of the seals that open it. */
  readonly seals: readonly string[]
  readonly providers: number
  readonly distributions: number
  /** Removed distributions whose KMS keys AWS may still have. */
  readonly archived: number
  readonly keys: readonly SnapshotKey[]
}

/**
 * Describes a snapshot. Opens only the records of keys.
 * @throws KeymgmtError SNAPSHOT_INVALID
 */
export function describeSnapshot(snapshot: Snapshot): SnapshotContents {
  const below = (folder: string) =>
    snapshot.paths.filter((path) => path.startsWith(`${folder}/`)).length
  const records = openRecords(snapshot, [recordPath.keys])
  return {
    storeId: snapshot.seal.store_id,
    created: snapshot.created,
    seals: snapshot.seal.seals.map(sealName),
    providers: below(recordPath.providers),
    distributions: below(recordPath.distributions),
    archived: below(recordPath.archive),
    keys: [...records.keys()].flatMap((path) => {
      const key = recordIn(records, path) as KeyRecord | undefined
      return key
        ? [{ name: key.name, type: key.type, versions: Object.keys(key.versions).map(Number) }]
        : []
    }),
  }
}

/** Values by path. */
type Values = ReadonlyMap<string, { readonly value: Uint8Array }>

/** Opens the snapshot's records in these folders. */
export function openRecords(snapshot: Snapshot, folders: readonly string[]): Values {
  const paths = snapshot.paths.filter((path) => folders.includes(path.split('/')[0] ?? ''))
  return new Map(
    paths.flatMap((path) => {
      const value = snapshot.read(path)
      return value ? [[path, { value }] as const] : []
    }),
  )
}

/** Something that the store has and a snapshot lacks. */
export interface Surplus {
  readonly what: 'provider' | 'key' | 'version' | 'distribution' | 'kms-key'
  /** Absent for a provider. */
  readonly key?: string
  readonly version?: number
  readonly provider?: string
  readonly region?: string
  /** The name of the distribution, or the id of the KMS key. */
  readonly subject?: string
}

/** A {@link Surplus} with its identities. The snapshot has it if the snapshot has one of them. */
interface Item extends Surplus {
  readonly ids: readonly string[]
  /** Further identities under which the store may have the same item. */
  readonly covers?: readonly string[]
}

/** The folders of the records that {@link surplusOf} compares. */
export const COMPARED_FOLDERS = [
  recordPath.keys,
  recordPath.providers,
  recordPath.distributions,
  recordPath.archive,
] as const

/** PURE: returns the items that `store` has and `snapshot` lacks. Does not compare material. */
export function surplusOf(store: Values, snapshot: Values): Surplus[] {
  const known = new Set(itemsOf(snapshot).flatMap(({ ids, covers = [] }) => [...ids, ...covers]))
  return itemsOf(store)
    .filter(({ ids }) => !ids.some((id) => known.has(id)))
    .map((item) => without(item, 'ids', 'covers'))
}

function itemsOf(records: Values): Item[] {
  return [...records.keys()].flatMap((path) => {
    const [folder = '', provider = ''] = path.split('/')
    if (folder === recordPath.keys)
      return keyItems(recordIn(records, path) as KeyRecord | undefined)
    if (folder === recordPath.providers)
      return providerItems(recordIn(records, path) as KmsRecord | undefined)
    return distributionItems(provider, recordIn(records, path) as DistributionRecord | undefined)
  })
}

function providerItems(record: KmsRecord | undefined): Item[] {
  if (!record) return []
  const { name, keyCollection } = record
  return [
    {
      what: 'provider',
      provider: name,
      region: keyCollection,
      ids: [`provider ${name} ${keyCollection}`],
    },
  ]
}

/**
 * Versions are equal if their material is. If the store lacks the material, the number alone
 * counts.
 */
function keyItems(record: KeyRecord | undefined): Item[] {
  if (!record) return []
  const { id, name } = record
  const versions = Object.entries(record.versions).map(([version, { material }]): Item => {
    const number = `version ${id} ${version}`
    return {
      what: 'version',
      key: name,
      version: Number(version),
      ids: material.state === 'stored' ? [`${number} ${material.fingerprint}`] : [number],
      covers: [number],
    }
  })
  return [{ what: 'key', key: name, ids: [`key ${name} ${id}`] }, ...versions]
}

/** Identifies a KMS key whose creation has no reply on record by its operation id. */
function distributionItems(provider: string, record: DistributionRecord | undefined): Item[] {
  if (!record) return []
  const key = record.name.replace(/-\d+$/, '')
  const kmsKeys = record.kmsKeys.map((entry): Item => {
    const { version, region, operationId } = entry
    const operation = operationId === undefined ? [] : [`operation ${operationId}`]
    return {
      what: 'kms-key',
      key,
      version,
      provider,
      region,
      ...(entry.state === 'created' && { subject: entry.key.id }),
      ids: [...(entry.state === 'created' ? [`kms-key ${entry.key.arn}`] : []), ...operation],
    }
  })
  return [
    {
      what: 'distribution',
      key,
      provider,
      subject: record.name,
      ids: [`distribution ${provider} ${record.name} ${record.keyId}`],
    },
    ...kmsKeys,
  ]
}
