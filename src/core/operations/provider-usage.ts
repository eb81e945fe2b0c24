import type { Engine } from '../engine.js'
import { aliasName } from '../records/alias-names.js'
import { archivedIn, archivedOf } from '../records/archive.js'
import { createdKmsKeys } from '../records/kms-keys.js'
import { recordPath, type DistributionRecord } from '../records/model.js'
import { readDistribution, readKey, requireProvider } from '../records/repository.js'

/** The KMS keys and aliases that a provider is used for, as far as the store has them. */
export interface ProviderScope {
  /** The Region that KMS keys are created in. */
  readonly region: string
  /** The Regions of their primaries: that Region, and those to which somebody moved one. */
  readonly primaryRegions: readonly string[]
  /** The Regions that they are, or may be, replicated to. */
  readonly replicaRegions: readonly string[]
  /** The id of the store, which every KMS key of it carries as a tag. */
  readonly storeId: string
  /** The names of its aliases, as a pattern. */
  readonly aliases: string
  /** An ARN in the account of the KMS keys. */
  readonly arn: string | undefined
}

/**
 * The scope of the provider for the keys that are in the store now.
 * @throws KeymgmtError KMS_NOT_FOUND
 */
export async function providerScope(engine: Engine, providerName: string): Promise<ProviderScope> {
  const { keyCollection: region } = await requireProvider(engine, providerName)
  const archived = await archivedIn(engine, providerName)
  const regions = new Set(archived.flatMap(({ record }) => record.regions))
  const primaries = new Set([region, ...archived.flatMap(({ record }) => movedTo(record))])
  for (const name of await engine.store.list(recordPath.keys)) {
    const key = await readKey(engine, name)
    const distribution = await readDistribution(engine, providerName, name)
    const dropped = distribution?.droppedRegions ?? []
    for (const replica of key?.replicaRegions ?? [])
      if (!dropped.includes(replica)) regions.add(replica)
    for (const primary of distribution ? movedTo(distribution) : []) primaries.add(primary)
  }
  return {
    region,
    primaryRegions: [...primaries],
    replicaRegions: [...regions].filter((replica) => replica !== region).sort(),
    storeId: await engine.store.id(),
    aliases: aliasName('*'),
    arn: await knownArn(engine, providerName),
  }
}

function movedTo({ primaryRegions = {} }: DistributionRecord): readonly string[] {
  return Object.values(primaryRegions)
}

/**
 * The ARN of a KMS key of the provider or, before there is one, of the role that its credentials
 * assume.
 */
export async function knownArn(engine: Engine, providerName: string): Promise<string | undefined> {
  for (const key of await engine.store.list(recordPath.distributionsOf(providerName))) {
    const distribution = await readDistribution(engine, providerName, key)
    const arns = distribution ? createdKmsKeys(distribution).map(({ key: { arn } }) => arn) : []
    // A dry run's KMS keys have none.
    const arn = arns.find((known) => known.startsWith('arn:'))
    if (arn) return arn
  }
  return (await requireProvider(engine, providerName)).credentials.role_arn
}

/**
 * The names of the distributions of the key to the provider: the present one, and those whose KMS
 * keys AWS has not deleted yet.
 */
export async function distributionNames(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<string[]> {
  const [record, current] = await Promise.all([
    readKey(engine, key),
    readDistribution(engine, providerName, key),
  ])
  const archived = record ? await archivedOf(engine, record, providerName) : []
  return [...(current ? [current.name] : []), ...archived.map(({ record: { name } }) => name)]
}
