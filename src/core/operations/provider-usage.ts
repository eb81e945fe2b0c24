import { aliasName } from '../records/alias-names.js'
import type { Engine } from '../engine.js'
import { readDistribution, readKey, requireProvider } from '../records/repository.js'
import { openLedger } from '../records/record.js'
import { copiesOf } from '../reconcile/plan.js'
import { recordPath, type DistributionRecord, type KeyRecord } from '../records/model.js'
import { retiredOf } from '../records/archive.js'

/** What a provider is used for, as far as the store tells. */
export interface ProviderScope {
  /** The Region that KMS keys are made in. */
  readonly region: string
  /** Where they are, or may be, replicated to. */
  readonly replicaRegions: readonly string[]
  /** The id of the store, which every KMS key of it carries as a tag. */
  readonly storeId: string
  /** The names of its aliases, as a pattern. */
  readonly aliases: string
  /** What tells whose the KMS keys are. */
  readonly arn: string | undefined
}

/**
 * What the provider is used for by the keys that are in the store now.
 * @throws KeymgmtError KMS_NOT_FOUND
 */
export async function providerScope(engine: Engine, kms: string): Promise<ProviderScope> {
  const { key_collection: region } = await requireProvider(engine, kms)
  const regions = new Set<string>()
  for (const name of await engine.store.list(recordPath.keys)) {
    const key = await openLedger<KeyRecord>(engine.store, recordPath.key(name))
    for (const replica of key?.current.replica_regions ?? []) regions.add(replica)
  }
  return {
    region,
    replicaRegions: [...regions].filter((replica) => replica !== region).sort(),
    storeId: await engine.store.id(),
    aliases: aliasName('*'),
    arn: await knownArn(engine, kms),
  }
}

/**
 * The ARN of a KMS key of the provider or, before there is one, of the role that its credentials
 * assume.
 */
export async function knownArn(engine: Engine, kms: string): Promise<string | undefined> {
  for (const name of await engine.store.list(recordPath.distributionsOf(kms))) {
    const distribution = await openLedger<DistributionRecord>(
      engine.store,
      recordPath.distribution(kms, name),
    )
    const arn =
      distribution &&
      copiesOf(distribution.current)
        .map(({ copy }) => copy.key?.arn)
        .find((known) => known?.startsWith('arn:'))
    if (arn) return arn
  }
  return (await requireProvider(engine, kms)).credentials.role_arn
}

/**
 * The names of the distributions of the key to the provider that there are, or were until AWS
 * deletes their KMS keys.
 */
export async function distributionNames(
  engine: Engine,
  kms: string,
  key: string,
): Promise<string[]> {
  const [record, current] = await Promise.all([
    readKey(engine, key),
    readDistribution(engine, kms, key),
  ])
  const retired = record ? await retiredOf(engine, record, kms) : []
  return [...(current ? [current.name] : []), ...retired.map(({ record: { name } }) => name)]
}
