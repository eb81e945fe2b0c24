import type { Engine } from '../engine.js'
import { aliasName, isOwnName } from '../records/alias-names.js'
import { archivedIn, archivedOf } from '../records/archive.js'
import { restorableRegions } from '../records/dropped-regions.js'
import { KEY_SETTINGS, managedSettings, type KeySetting } from '../records/key-settings.js'
import { createdKmsKeys } from '../records/kms-keys.js'
import { recordPath, type DistributionRecord } from '../records/model.js'
import { readDistribution, readKey, requireProvider } from '../records/repository.js'

/** The recorded KMS keys and aliases of a provider. */
export interface ProviderScope {
  /** The Region in which KMS keys are created. */
  readonly region: string
  /** The Regions of their primaries: that Region, and those to which one was moved. */
  readonly primaryRegions: readonly string[]
  /** The Regions to which they are or may be replicated. */
  readonly replicaRegions: readonly string[]
  /** The id of the store, which is a tag of every KMS key. */
  readonly storeId: string
  /** Its custom aliases, and a pattern that matches the aliases that keymgmt names. */
  readonly aliases: readonly string[]
  /** The settings of KMS keys that are set in any of its distributions. */
  readonly settings: readonly KeySetting[]
  /** An ARN in the account of the KMS keys. */
  readonly arn: string | undefined
}

/**
 * Returns the scope of the provider for the keys that are now in the store.
 * @throws KeymgmtError KMS_NOT_FOUND
 */
export async function providerScope(engine: Engine, providerName: string): Promise<ProviderScope> {
  const { keyCollection: region } = await requireProvider(engine, providerName)
  const archived = await archivedIn(engine, [providerName])
  const regions = new Set(archived.flatMap(({ record }) => record.regions))
  const primaries = new Set([region, ...archived.flatMap(({ record }) => movedTo(record))])
  const aliases = new Set(archived.flatMap(({ record: { customAlias } }) => customAlias ?? []))
  const settings = new Set(archived.flatMap(({ record }) => managedSettings(record)))
  for (const name of await engine.store.list(recordPath.keys)) {
    const key = await readKey(engine, name)
    const distribution = await readDistribution(engine, providerName, name)
    for (const region of distribution ? restorableRegions(distribution, engine.now()) : [])
      regions.add(region)
    const dropped = distribution?.droppedRegions ?? []
    for (const replica of key?.replicaRegions ?? [])
      if (!dropped.includes(replica)) regions.add(replica)
    for (const primary of distribution ? movedTo(distribution) : []) primaries.add(primary)
    for (const alias of distribution?.aliases ?? []) aliases.add(alias.name)
    for (const setting of distribution ? managedSettings(distribution) : []) settings.add(setting)
    if (distribution?.customAlias !== undefined) aliases.add(distribution.customAlias)
  }
  return {
    region,
    primaryRegions: [...primaries],
    replicaRegions: [...regions].filter((replica) => replica !== region).sort(),
    storeId: await engine.store.id(),
    aliases: [aliasName('*'), ...[...aliases].filter((alias) => !isOwnName(alias)).sort()],
    settings: KEY_SETTINGS.filter((setting) => settings.has(setting)),
    arn: await knownArn(engine, providerName),
  }
}

function movedTo({ primaryRegions = {} }: DistributionRecord): readonly string[] {
  return Object.values(primaryRegions)
}

/**
 * Returns the ARN of one of the provider's KMS keys or, before the first one, of the role that its
 * credentials assume.
 */
export async function knownArn(engine: Engine, providerName: string): Promise<string | undefined> {
  for (const key of await engine.store.list(recordPath.distributionsOf(providerName))) {
    const distribution = await readDistribution(engine, providerName, key)
    const arns = distribution ? createdKmsKeys(distribution).map(({ key: { arn } }) => arn) : []
    // The KMS keys of a dry run have no account.
    const arn = arns.find((known) => known.startsWith('arn:'))
    if (arn) return arn
  }
  return (await requireProvider(engine, providerName)).credentials.role_arn
}

/**
 * Returns the names of the distributions of the key to the provider: the present one, and removed
 * ones whose KMS keys AWS has not deleted yet.
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

/**
 * Returns the time at which all material of the distribution expires; undefined if it has no fixed
 * end.
 */
export async function fixedEnd(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<Date | undefined> {
  const expiry = (await readDistribution(engine, providerName, key))?.expiry
  return expiry && 'validTo' in expiry ? new Date(expiry.validTo) : undefined
}
