import type { KmsKeyStatus } from '../../kms/provider.js'
import { openProvider, type Engine } from '../engine.js'
import { keyInName } from '../records/alias-names.js'
import type { ArchivedDistribution } from '../records/archive.js'
import { found, lost, materialIn } from '../records/kms-keys.js'
import { materialFingerprint, withMaterial } from '../records/material.js'
import type { CreatedKmsKey, DistributionRecord, KmsKeyEntry } from '../records/model.js'
import { readProvider } from '../records/repository.js'
import { assertPlace, assertPlaceOf } from './account.js'
import { tagsFor, type ReconcileContext } from './context.js'
import { wantedAliases } from './plan.js'

/** The state of one KMS key in AWS. */
export interface ObservedKmsKey {
  readonly entry: KmsKeyEntry
  /** Undefined if AWS has no such KMS key. */
  readonly status: KmsKeyStatus | undefined
  /** Names of our tags that it lacks, or whose value is another. */
  readonly wrongTags: readonly string[]
  /** True if it holds our material; undefined where that could not be seen. */
  readonly holds: boolean | undefined
}

/** The state of a distribution in AWS. */
export interface Observation {
  readonly kmsKeys: readonly ObservedKmsKey[]
  /** By Region and name, the id of the KMS key that an alias names. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>
}

/**
 * Asks the KMS about every KMS key and alias of the distribution. With `challenge`, symmetric KMS
 * keys are asked to take the same material again, which AWS does only if it is the same.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS; errors of the KMS.
 */
export async function observe(context: ReconcileContext, challenge: boolean): Promise<Observation> {
  await assertPlaceOf(context)
  const { provider, distribution, key } = context
  const { kms_keys, regions } = distribution.current
  const names = new Set(wantedAliases(key, distribution.current).keys())
  const [kmsKeys, aliases] = await Promise.all([
    Promise.all(kms_keys.map((entry) => observeKmsKey(context, entry, challenge))),
    Promise.all(
      regions.map(async (region) => [region, await provider.aliasTargets(region, names)] as const),
    ),
  ])
  return { kmsKeys, aliases: new Map(aliases) }
}

async function observeKmsKey(
  context: ReconcileContext,
  entry: KmsKeyEntry,
  challenge: boolean,
): Promise<ObservedKmsKey> {
  const { provider } = context
  const status =
    entry.state === 'creating' ? undefined : await provider.inspect(entry.region, entry.key)
  if (entry.state !== 'created' || !status)
    return { entry, status, wrongTags: [], holds: undefined }
  const tags = await provider.tagsOf(entry.region, entry.key)
  const ours = await tagsFor(context, entry.version, entry.operation_id)
  return {
    entry,
    status,
    wrongTags: Object.keys(ours).filter((name) => tags[name] !== ours[name]),
    holds: await observeMaterial(context, entry, status, challenge),
  }
}

async function observeMaterial(
  { engine, key, provider }: ReconcileContext,
  entry: CreatedKmsKey,
  { key: kmsKey, state, materialId }: KmsKeyStatus,
  challenge: boolean,
): Promise<boolean | undefined> {
  if (state !== 'enabled' && state !== 'disabled') return undefined
  const { version, region } = entry
  if (key.versions[version]?.material.state === 'not-in-store') return undefined
  const recorded = materialIn(entry, version)
  // The record is of other material than the key's: one of the two is from another time.
  if (recorded && recorded.fingerprint !== materialFingerprint(key, version)) return false
  const sameId =
    recorded?.material_id === undefined || materialId === undefined
      ? undefined
      : recorded.material_id === materialId
  // AWS also accepts an earlier material of the KMS key again, so a challenge proves nothing here.
  if (sameId === false) return false
  return withMaterial(engine.store, key, version, async (material) => {
    const seen = await provider.holds(region, kmsKey, key.type, material)
    if (seen !== undefined) return seen
    return challenge ? provider.accepts(region, kmsKey, key.type, material) : sameId
  })
}

/**
 * The record of an archived distribution, with the KMS keys as lost that AWS no longer has;
 * undefined if it has none of them, or if they can't be looked for.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS; errors of the KMS.
 */
export async function findArchived(
  engine: Engine,
  { providerName, record }: ArchivedDistribution,
): Promise<DistributionRecord | undefined> {
  const provider = await readProvider(engine, providerName)
  if (!provider || provider.key_collection !== record.regions[0]) return undefined
  const opened = await openProvider(engine, provider)
  await assertPlace({ key: keyInName(record.name), providerName, record, provider: opened })
  const kms_keys = await Promise.all(
    record.kms_keys.map(async (entry) => {
      if (entry.state === 'creating') return entry
      const status = await opened.inspect(entry.region, entry.key)
      if (!status) return entry.state === 'lost' ? entry : lost(entry)
      return entry.state === 'lost' ? found(entry) : entry
    }),
  )
  return kms_keys.some(({ state }) => state === 'created') ? { ...record, kms_keys } : undefined
}
