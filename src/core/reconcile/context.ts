import {
  KEY_ID_TAG,
  KEY_TAG,
  OPERATION_TAG,
  STORE_TAG,
  VERSION_TAG,
  type KmsKeyRequest,
  type KmsProvider,
} from '../../kms/provider.js'
import { openProvider, type Engine } from '../engine.js'
import { dropKmsKey, putAlias, putKmsKey, requireKmsKey } from '../records/kms-keys.js'
import type {
  AliasState,
  CreatedKmsKey,
  DistributionRecord,
  KeyRecord,
  KmsKeyEntry,
  KmsKeyPlace,
} from '../records/model.js'
import type { RecordHandle } from '../records/record.js'
import { requireProvider } from '../records/repository.js'

/** One distribution with all that is needed to reconcile it. */
export interface ReconcileContext {
  readonly engine: Engine
  readonly key: KeyRecord
  readonly providerName: string
  readonly distribution: RecordHandle<DistributionRecord>
  readonly provider: KmsProvider
  /** The names for the distribution that this command found taken in AWS. */
  readonly takenNames: Set<string>
}

/** One distribution with all that is needed to compare it with the KMS. */
export type ObserveContext = Omit<ReconcileContext, 'distribution'> & {
  readonly distribution: Pick<RecordHandle<DistributionRecord>, 'current'>
}

/** The context of one distribution; no request is sent yet. @throws KeymgmtError KMS_NOT_FOUND */
export async function openContext<D extends ObserveContext['distribution']>(
  engine: Engine,
  key: KeyRecord,
  { providerName, distribution }: { readonly providerName: string; readonly distribution: D },
): Promise<Omit<ReconcileContext, 'distribution'> & { readonly distribution: D }> {
  const provider = await openProvider(engine, await requireProvider(engine, providerName))
  const takenNames = new Set<string>()
  return { engine, key, providerName, distribution, provider, takenNames }
}

/**
 * The tags of the KMS key of one version. The operation id, by which it can be found after a lost
 * response, is absent if it was adopted.
 */
export async function tagsFor(
  { engine, key }: Pick<ReconcileContext, 'engine' | 'key'>,
  version: number,
  operationId: string | undefined,
): Promise<Record<string, string>> {
  return {
    'managed-by': 'keymgmt',
    [STORE_TAG]: await engine.store.id(),
    [KEY_TAG]: key.name,
    [KEY_ID_TAG]: key.id,
    [VERSION_TAG]: String(version),
    ...(operationId !== undefined && { [OPERATION_TAG]: operationId }),
  }
}

/** The version in the tags of a KMS key; undefined if it is not one. */
export function versionIn(tags: Readonly<Record<string, string>>): number | undefined {
  const version = Number(tags[VERSION_TAG])
  return Number.isSafeInteger(version) && version > 0 ? version : undefined
}

/** The properties of the KMS key of one version, to create it with. */
export async function keyRequest(
  context: ReconcileContext,
  version: number,
  operationId: string,
): Promise<KmsKeyRequest> {
  const { key, distribution } = context
  return {
    type: key.type,
    purpose: distribution.current.purpose,
    multiRegion: key.replicaRegions.length > 0,
    description: `keymgmt ${key.name} version ${version}`,
    tags: await tagsFor(context, version, operationId),
  }
}

/** Writes an entry, in place of an earlier one of the same version and Region. */
export async function writeKmsKey(
  { distribution }: ReconcileContext,
  entry: KmsKeyEntry,
): Promise<void> {
  await distribution.update((current) => putKmsKey(current, entry))
}

/** Writes what is now known of a created KMS key that is on record. */
export async function updateKmsKey(
  { distribution }: ReconcileContext,
  place: KmsKeyPlace,
  change: (entry: CreatedKmsKey) => CreatedKmsKey,
): Promise<void> {
  const { path } = distribution
  await distribution.update((current) =>
    putKmsKey(current, change(requireKmsKey({ path, current }, place))),
  )
}

/** Drops the entry of a KMS key that was never created. */
export async function removeKmsKey(
  { distribution }: ReconcileContext,
  place: KmsKeyPlace,
): Promise<void> {
  await distribution.update((current) => dropKmsKey(current, place))
}

/** Writes what is now known of an alias; undefined if it is gone. */
export async function writeAlias(
  { distribution }: ReconcileContext,
  region: string,
  name: string,
  state: AliasState | undefined,
): Promise<void> {
  await distribution.update((current) => putAlias(current, region, name, state))
}
