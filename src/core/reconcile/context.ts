import { KeymgmtError } from '../../errors.js'
import type { KmsKey, KmsKeyRequest, KmsProvider } from '../../kms/provider.js'
import { OPERATION_TAG } from '../../kms/provider.js'
import type { Engine } from '../engine.js'
import type { RecordHandle } from '../records/record.js'
import {
  recordPath,
  type AliasRecord,
  type CopyRecord,
  type DistributionRecord,
  type KeyRecord,
} from '../records/model.js'

/** One distribution with all that is needed to work on it. */
export interface Work {
  readonly engine: Engine
  readonly key: KeyRecord
  readonly handle: RecordHandle<DistributionRecord>
  readonly provider: KmsProvider
}

/**
 * The tags of the KMS key of one version: whose it is, and by which operation it can be found
 * again.
 */
export async function tagsOf(
  { engine, key }: Work,
  version: number,
  operationId: string,
): Promise<Record<string, string>> {
  return {
    'managed-by': 'keymgmt',
    'keymgmt:store': await engine.store.id(),
    'keymgmt:key': key.name,
    'keymgmt:key-id': key.id,
    'keymgmt:version': String(version),
    [OPERATION_TAG]: operationId,
  }
}

/** What the KMS key of one version is to be made as. */
export async function keyRequest(
  work: Work,
  version: number,
  operationId: string,
): Promise<KmsKeyRequest> {
  const { key, handle } = work
  return {
    type: key.type,
    purpose: handle.current.purpose,
    multiRegion: key.replica_regions.length > 0,
    description: `keymgmt ${key.name} version ${version}`,
    tags: await tagsOf(work, version, operationId),
  }
}

/** The KMS key that must be on record. */
export function kmsKeyOf({ handle }: Work, version: number, region: string): KmsKey {
  const key = handle.current.copies[version]?.[region]?.key
  if (!key)
    throw new KeymgmtError(
      'STORE_CORRUPT',
      `${handle.path} has no KMS key for version ${version} in ${region}`,
    )
  return key
}

/**
 * The material of one version; the caller wipes it. @throws KeymgmtError STORE_CORRUPT when it is
 * not there.
 */
export async function readMaterial(
  { engine, key }: Pick<Work, 'engine' | 'key'>,
  version: number,
): Promise<Uint8Array> {
  const stored = await engine.store.get(recordPath.material(key.name, version))
  if (stored) return stored.value
  throw new KeymgmtError(
    'STORE_CORRUPT',
    `the material of ${key.name} version ${version} is not in the store`,
    {
      hints: ['restore the store from a backup; nothing was changed'],
    },
  )
}

/** Writes what is now known of a copy that is on record. */
export async function updateCopy(
  work: Work,
  version: number,
  region: string,
  change: (copy: CopyRecord) => CopyRecord,
): Promise<void> {
  await work.handle.update((current) => {
    const places = current.copies[version] ?? {}
    const copy = places[region] ?? { operation_id: '', begun: '', imported: false }
    return {
      ...current,
      copies: { ...current.copies, [version]: { ...places, [region]: change(copy) } },
    }
  })
}

/** Forgets a copy that was begun and never was. */
export async function dropCopy(work: Work, version: number, region: string): Promise<void> {
  await work.handle.update((current) => {
    const places = Object.entries(current.copies[version] ?? {}).filter(
      ([other]) => other !== region,
    )
    return { ...current, copies: { ...current.copies, [version]: Object.fromEntries(places) } }
  })
}

/** Writes what is now known of an alias; undefined when it is gone. */
export async function setAlias(
  { handle }: Work,
  region: string,
  name: string,
  known: AliasRecord | undefined,
): Promise<void> {
  await handle.update((current) => {
    const others = Object.entries(current.aliases[region] ?? {}).filter(([other]) => other !== name)
    const names = Object.fromEntries(known ? [...others, [name, known] as const] : others)
    return { ...current, aliases: { ...current.aliases, [region]: names } }
  })
}
