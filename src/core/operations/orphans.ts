import {
  KEY_ID_TAG,
  KEY_TAG,
  OPERATION_TAG,
  STORE_TAG,
  type KmsKeyState,
  type TaggedKmsKey,
} from '../../kms/kms-key.js'
import type { KmsProvider } from '../../kms/provider.js'
import { openProvider, type Engine } from '../engine.js'
import { versionIn } from '../reconcile/context.js'
import { OUTDATED_NEXT_STEPS } from '../reconcile/newer.js'
import { ask, type Unchecked } from '../reconcile/observe.js'
import { deleteCommand, replicaNextStep } from '../reconcile/unrecorded-replicas.js'
import { archivedIn } from '../records/archive.js'
import { recordPath, type DistributionRecord } from '../records/model.js'
import { inParallel } from '../../parallel.js'
import { readDistribution, readKey, requireProvider } from '../records/repository.js'

/** A KMS key that has the tags of this store and is in no distribution. */
export interface Orphan {
  /** AWS Region. */
  readonly region: string
  /** Id of the KMS key. */
  readonly kmsKeyId: string
  /** ARN of the KMS key. */
  readonly arn: string
  /** The key in its tags; undefined if the tags name none. */
  readonly key: string | undefined
  /** The id of that key, which distinguishes it from a later one of the same name. */
  readonly keyId: string | undefined
  /** The version in its tags. */
  readonly version: number | undefined
  /** State of the KMS key. */
  readonly state: KmsKeyState
  /** Present if its deletion is scheduled. */
  readonly deletionDate: Date | undefined
  /** The next step; undefined while it waits for its deletion. */
  readonly nextStep: string | undefined
}

/** The outcome of {@link findOrphans}. */
export interface OrphanSearch {
  /** The KMS keys that are in no distribution. */
  readonly orphans: readonly Orphan[]
  /** Regions that could not be searched. */
  readonly unchecked: readonly Unchecked[]
  /** The number of KMS keys whose own policies hide their tags from the caller. */
  readonly hidden: number
}

/**
 * Looks by tag for KMS keys of this store that are in no distribution, in every Region where the
 * provider is or may be used. An older copy of the store, or a command that lost its lock, can
 * leave such KMS keys behind.
 * @throws KeymgmtError KMS_NOT_FOUND
 */
export async function findOrphans(engine: Engine, providerName: string): Promise<OrphanSearch> {
  const provider = await openProvider(engine, await requireProvider(engine, providerName))
  const storeId = await engine.store.id()
  const unchecked: Unchecked[] = []
  const found = await Promise.all(
    (await regionsOf(engine, providerName, provider.region)).map(async (region) => {
      const subject = { what: 'orphans', region, subject: providerName } as const
      const search = () => provider.findTagged(region, STORE_TAG, storeId)
      return { region, ...(await ask(unchecked, subject, search)) }
    }),
  )
  // Read the records after the search: they include what other commands have created meanwhile.
  const isKnown = await recordedKmsKeys(engine)
  const orphans = await Promise.all(
    found.flatMap(({ region, tagged = [] }) =>
      tagged
        .filter((each) => !isKnown(region, each))
        .map((each) => {
          const subject = { what: 'orphans', region, subject: each.key.id } as const
          return ask(unchecked, subject, () =>
            inspectOrphan(engine, providerName, provider, region, each),
          )
        }),
    ),
  )
  return {
    orphans: orphans.flatMap((each) => each ?? []),
    unchecked,
    hidden: found.reduce((sum, { hidden = 0 }) => sum + hidden, 0),
  }
}

/** Returns the Regions in which the provider is or may be used. */
async function regionsOf(engine: Engine, providerName: string, own: string): Promise<string[]> {
  const keys = await engine.store.list(recordPath.keys)
  const replicas = await inParallel(
    keys,
    async (name) => (await readKey(engine, name))?.replicaRegions ?? [],
  )
  const distributions = await recordsOf(engine, providerName)
  return [...new Set([own, ...replicas.flat(), ...distributions.flatMap(({ regions }) => regions)])]
}

/** Returns the distributions in a provider, active and archived. */
async function recordsOf(engine: Engine, providerName: string): Promise<DistributionRecord[]> {
  const keys = await engine.store.list(recordPath.distributionsOf(providerName))
  const active = await inParallel(keys, (key) => readDistribution(engine, providerName, key))
  const archived = await archivedIn(engine, [providerName])
  return [...active.flatMap((each) => each ?? []), ...archived.map(({ record }) => record)]
}

/**
 * Returns a test for KMS keys that a distribution in any provider has, or whose creation it began.
 */
async function recordedKmsKeys(
  engine: Engine,
): Promise<(region: string, tagged: TaggedKmsKey) => boolean> {
  const { store } = engine
  const [active, archived] = await Promise.all([
    store.list(recordPath.distributions),
    store.list(recordPath.archive),
  ])
  const providers = [...new Set([...active, ...archived])]
  const records = await Promise.all(providers.map((name) => recordsOf(engine, name)))
  const known = new Set(
    records
      .flat()
      .flatMap(({ kmsKeys }) => kmsKeys)
      .map((entry) =>
        entry.state === 'creating' ? entry.operationId : `${entry.region} ${entry.key.id}`,
      ),
  )
  return (region, { key, tags }) =>
    known.has(`${region} ${key.id}`) || known.has(tags[OPERATION_TAG] ?? '')
}

/** Returns undefined for a KMS key that AWS has deleted meanwhile. */
async function inspectOrphan(
  engine: Engine,
  providerName: string,
  provider: KmsProvider,
  region: string,
  { key: kmsKey, tags }: TaggedKmsKey,
): Promise<Orphan | undefined> {
  const status = await provider.inspect(region, kmsKey)
  if (!status) return undefined
  const { state, deletionDate } = status
  const version = versionIn(tags)
  const orphan = {
    region,
    kmsKeyId: kmsKey.id,
    arn: kmsKey.arn,
    key: tags[KEY_TAG],
    keyId: tags[KEY_ID_TAG],
    version,
  }
  if (state === 'pending-deletion') return { ...orphan, state, deletionDate, nextStep: undefined }
  if (await isNewer(engine, tags))
    return { ...orphan, state, deletionDate, nextStep: OUTDATED_NEXT_STEPS.join('; ') }
  const replica = await replicaAdvice(engine, providerName, region, kmsKey.id, tags)
  if (replica !== undefined) return { ...orphan, state, deletionDate, nextStep: replica }
  const adoption =
    region === provider.region ? await adoptCommand(engine, providerName, kmsKey.id, tags) : []
  const commands = [...adoption, deleteCommand(region, kmsKey.id)]
  return { ...orphan, state, deletionDate, nextStep: commands.join('; or ') }
}

/** Returns the next step for a KMS key that a distribution has in another Region. */
async function replicaAdvice(
  engine: Engine,
  providerName: string,
  region: string,
  kmsKeyId: string,
  tags: TaggedKmsKey['tags'],
): Promise<string | undefined> {
  const name = tags[KEY_TAG]
  if (name === undefined) return undefined
  const [key, distribution] = await Promise.all([
    readKey(engine, name).catch(() => undefined),
    readDistribution(engine, providerName, name).catch(() => undefined),
  ])
  const isReplica = distribution?.kmsKeys.some(
    (entry) => entry.state === 'created' && entry.key.id === kmsKeyId,
  )
  return key && isReplica ? replicaNextStep(key, providerName, region, kmsKeyId) : undefined
}

/** True if the tags name a later version than the key has here: this store is an older copy. */
async function isNewer(engine: Engine, tags: TaggedKmsKey['tags']): Promise<boolean> {
  const name = tags[KEY_TAG]
  const key = name === undefined ? undefined : await readKey(engine, name).catch(() => undefined)
  return key?.id === tags[KEY_ID_TAG] && (versionIn(tags) ?? 0) > (key?.latestVersion ?? Infinity)
}

/**
 * Returns the command that adopts the orphan, if its key exists and is not distributed to the
 * provider.
 */
async function adoptCommand(
  engine: Engine,
  providerName: string,
  kmsKeyId: string,
  tags: TaggedKmsKey['tags'],
): Promise<string[]> {
  const [name, version] = [tags[KEY_TAG], versionIn(tags)]
  if (name === undefined || version === undefined) return []
  const key = await readKey(engine, name).catch(() => undefined)
  if (!key || key.id !== tags[KEY_ID_TAG]) return []
  if (key.versions[version]?.material.state !== 'stored') return []
  if (await readDistribution(engine, providerName, name)) return []
  const path = `keymgmt/kms/${providerName}/key/${name}`
  return [`adopt it: keymgmt write ${path}/adopt key_id=${kmsKeyId} version=${version}`]
}
