import {
  KEY_ID_TAG,
  KEY_TAG,
  MANAGED_TAG,
  OPERATION_TAG,
  STORE_TAG,
  VERSION_TAG,
  type KmsKeyRequest,
} from '../../kms/kms-key.js'
import type { KmsProvider } from '../../kms/provider.js'
import { openProvider, type Engine } from '../engine.js'
import { aliasName } from '../records/alias-names.js'
import { archivedOf, type ArchivedDistribution } from '../records/archive.js'
import { dropKmsKey, isInPlace, putAlias, putKmsKey, requireKmsKey } from '../records/kms-keys.js'
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

/** Everything that is needed to reconcile one distribution. */
export interface ReconcileContext {
  readonly engine: Engine
  readonly key: KeyRecord
  readonly providerName: string
  readonly distribution: RecordHandle<DistributionRecord>
  readonly provider: KmsProvider
  /** Names that this command tried for the distribution, and whose aliases are taken in AWS. */
  readonly takenNames: Set<string>
  /** True if the distribution had its alias before this command: applications may use its name. */
  readonly isNamed: boolean
  /**
   * Returns the archived distributions of the key in this provider. Reads them once: nobody else
   * changes them while this command holds the key's lock.
   */
  readonly archived: () => Promise<readonly ArchivedDistribution[]>
}

/** Everything that is needed to compare one distribution with the KMS. */
export type ObserveContext = Omit<ReconcileContext, 'distribution'> & {
  readonly distribution: Pick<RecordHandle<DistributionRecord>, 'current'>
}

/** Opens the context of one distribution. Sends no request. @throws KeymgmtError KMS_NOT_FOUND */
export async function openContext<D extends ObserveContext['distribution']>(
  engine: Engine,
  key: KeyRecord,
  { providerName, distribution }: { readonly providerName: string; readonly distribution: D },
): Promise<Omit<ReconcileContext, 'distribution'> & { readonly distribution: D }> {
  const provider = await providerOf(engine, providerName, distribution)
  const takenNames = new Set<string>()
  const { name, aliases } = distribution.current
  const isNamed = aliases.some(
    (alias) => alias.name === aliasName(name) && alias.state !== 'pending',
  )
  let archived: ReturnType<ReconcileContext['archived']> | undefined
  return {
    engine,
    key,
    providerName,
    distribution,
    provider,
    takenNames,
    isNamed,
    archived: () => (archived ??= archivedOf(engine, key, providerName)),
  }
}

/** The open providers of distributions whose records are open. */
const opened = new WeakMap<object, KmsProvider>()

/** Opens the provider, and reads its record only once for each open record of a distribution. */
async function providerOf(
  engine: Engine,
  providerName: string,
  distribution: object,
): Promise<KmsProvider> {
  const known = opened.get(distribution)
  if (known) return known
  const provider = await openProvider(engine, await requireProvider(engine, providerName))
  opened.set(distribution, provider)
  return provider
}

/**
 * Returns the tags for the KMS key of one version, with those of the user. The operation id finds
 * it after a lost reply; an adopted KMS key has none.
 */
export async function tagsFor(
  { engine, key, distribution }: ObserveContext,
  version: number,
  operationId: string | undefined,
): Promise<Record<string, string>> {
  return {
    ...distribution.current.tags,
    [MANAGED_TAG]: 'keymgmt',
    [STORE_TAG]: await engine.store.id(),
    [KEY_TAG]: key.name,
    [KEY_ID_TAG]: key.id,
    [VERSION_TAG]: String(version),
    ...(operationId !== undefined && { [OPERATION_TAG]: operationId }),
  }
}

/** Returns the version in the tags of a KMS key; undefined if the tag is missing or invalid. */
export function versionIn(tags: Readonly<Record<string, string>>): number | undefined {
  const version = Number(tags[VERSION_TAG])
  return Number.isSafeInteger(version) && version > 0 ? version : undefined
}

/** Returns the description of the KMS key of one version: the user's, or else keymgmt's. */
export function descriptionFor(
  { key, distribution: { current } }: Pick<ReconcileContext, 'key' | 'distribution'>,
  version: number,
): string {
  const ofVersion = isInPlace(current) ? ', rotated in place' : ` version ${version}`
  return current.description ?? `keymgmt ${key.name}${ofVersion}`
}

/** Returns the request that creates the KMS key of one version. */
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
    description: descriptionFor(context, version),
    tags: await tagsFor(context, version, operationId),
    policy: distribution.current.policy,
  }
}

/** Changes the recorded state of KMS keys or aliases, and its time. */
export async function recordState(
  { engine, distribution }: Pick<ReconcileContext, 'engine' | 'distribution'>,
  change: (current: DistributionRecord) => DistributionRecord,
): Promise<DistributionRecord> {
  return distribution.update((current) => ({
    ...change(current),
    observedAt: engine.now().toISOString(),
  }))
}

/** Writes an entry, which replaces an earlier one of the same version and Region. */
export async function writeKmsKey(context: ReconcileContext, entry: KmsKeyEntry): Promise<void> {
  await recordState(context, (current) => putKmsKey(current, entry))
}

/** Changes the entry of a created KMS key. */
export async function updateKmsKey(
  context: ReconcileContext,
  place: KmsKeyPlace,
  change: (entry: CreatedKmsKey) => CreatedKmsKey,
): Promise<void> {
  const { path } = context.distribution
  await recordState(context, (current) =>
    putKmsKey(current, change(requireKmsKey({ path, current }, place))),
  )
}

/** Drops the entry of a KMS key that was never created. */
export async function removeKmsKey(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  await recordState(context, (current) => dropKmsKey(current, place))
}

/** Writes the state of an alias; undefined drops its entry. */
export async function writeAlias(
  context: ReconcileContext,
  region: string,
  name: string,
  state: AliasState | undefined,
): Promise<void> {
  await recordState(context, (current) => putAlias(current, region, name, state))
}
