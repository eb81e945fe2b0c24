import { KeymgmtError } from '../../errors.js'
import { KEY_ID_TAG, type KmsMaterial } from '../../kms/kms-key.js'
import type { KmsProvider } from '../../kms/provider.js'
import { inParallel } from '../../parallel.js'
import { aliasName, versionAliasName } from '../records/alias-names.js'
import { archivedOf } from '../records/archive.js'
import { aliasAt } from '../records/kms-keys.js'
import type { DistributionRecord, KeyRecord } from '../records/model.js'
import { distributionsOf, type NamedDistribution } from '../records/repository.js'
import type { Engine } from '../engine.js'
import { openContext, versionIn, type ObserveContext } from './context.js'
import { findNewerMaterials } from './newer-material.js'
import { isUnanswered } from './unanswered.js'
import { newestVersion, type Step } from './plan.js'

/**
 * A KMS key that shows a newer version. Either an alias of the distribution points to it and it is
 * not on record, or it is on record and was rotated in place to a version that is not.
 */
export interface NewerTarget {
  /** AWS Region. */
  readonly region: string
  /** Name of the alias; undefined for a KMS key on record. */
  readonly alias: string | undefined
  /** Id of the KMS key. */
  readonly id: string
  /** The version in its tags or of its material; undefined if the tags can't be read. */
  readonly version: number | undefined
  /** The material that is not on record, if the KMS key is on record. */
  readonly material?: KmsMaterial
}

/**
 * Returns the KMS keys that the alias points to in each Region and that are not on record. They
 * show that AWS is newer than this copy of the store. A KMS key whose tags name another key does
 * not count. The aliases of the newest version and the next one count as well: they show a rotation
 * that did not get as far as the alias.
 */
export async function findNewer(
  context: ObserveContext,
  targetsIn: TargetsIn = listTargets(context),
): Promise<NewerTarget[]> {
  const { key, provider, distribution } = context
  const aliases = tellingAliases(key, distribution.current)
  const targets = await Promise.all(
    distribution.current.regions.map(async (region) => {
      const found = await targetsIn(region, new Set(aliases))
      return aliases.flatMap((alias) => {
        const id = found?.get(alias)
        return id === undefined ? [] : [{ region, alias, id }]
      })
    }),
  )
  const own = knownPlaces([distribution.current])
  const others = uniqueTargets(targets.flat()).filter((target) => !own.has(placeOf(target)))
  const rotated = await findNewerMaterials(context).catch(ifDenied)
  if (others.length === 0) return rotated ?? []
  const known = knownPlaces(await otherRecords(context))
  const unknown = others.filter((target) => !known.has(placeOf(target)))
  const found = await Promise.all(unknown.map((target) => newerTarget(provider, key, target)))
  return [...(rotated ?? []), ...found.flat()]
}

/** PURE: returns the aliases that a newer copy of the store has moved or created. */
export function tellingAliases(
  key: KeyRecord,
  { name, versionAliases }: Pick<DistributionRecord, 'name' | 'versionAliases'>,
): string[] {
  const newest = newestVersion(key)
  const ofVersions = versionAliases ? [newest, newest + 1] : []
  return [aliasName(name), ...ofVersions.map((version) => versionAliasName(name, version))]
}

type Target = Pick<NewerTarget, 'region' | 'id'> & { readonly alias: string }

const placeOf = ({ region, id }: Target) => `${region} ${id}`

/** Several aliases can point to one KMS key: the first of them stands for it. */
function uniqueTargets(targets: readonly Target[]): Target[] {
  return [
    ...new Map(targets.toReversed().map((target) => [placeOf(target), target])).values(),
  ].reverse()
}

/**
 * Returns the other distributions of the key: the alias may point to one of their KMS keys, because
 * somebody moved it there. They are read only then, so that an unreadable one does not fail the
 * others.
 */
async function otherRecords({ engine, key }: ObserveContext): Promise<KmsKeyRecord[]> {
  const [present, archived] = await Promise.all([
    distributionsOf(engine, key.name),
    archivedOf(engine, key),
  ])
  return [
    ...present.map((named) => named.distribution.current),
    ...archived.map(({ record }) => record),
    ...(key.forgotten ?? []),
  ]
}

/** A record of KMS keys: of a distribution, also of a forgotten one. */
type KmsKeyRecord = Pick<DistributionRecord, 'kmsKeys'>

/** Region and id of each KMS key. */
function knownPlaces(records: readonly KmsKeyRecord[]): ReadonlySet<string> {
  return new Set(
    records
      .flatMap(({ kmsKeys }) => kmsKeys)
      .flatMap((entry) => (entry.state === 'creating' ? [] : [`${entry.region} ${entry.key.id}`])),
  )
}

/** Returns the id of the KMS key that each alias points to; undefined if they can't be listed. */
type TargetsIn = (
  region: string,
  aliases: ReadonlySet<string>,
) => Promise<Targets | undefined> | Targets | undefined

type Targets = ReadonlyMap<string, string>

function listTargets({ provider }: ObserveContext): TargetsIn {
  return (region, aliases) => provider.aliasTargets(region, aliases).catch(ifDenied)
}

/** Without kms:ListAliases, keymgmt cannot detect that the store is outdated. */
function ifDenied(error: unknown): undefined {
  if (error instanceof KeymgmtError && error.code === 'KMS_ACCESS_DENIED') return undefined
  throw error
}

async function newerTarget(
  provider: KmsProvider,
  key: KeyRecord,
  target: Target,
): Promise<NewerTarget[]> {
  try {
    const tags = await provider.tagsOf(target.region, { id: target.id, arn: '' })
    return tags[KEY_ID_TAG] === key.id ? [{ ...target, version: versionIn(tags) }] : []
  } catch (error) {
    if (!(error instanceof KeymgmtError)) throw error
    if (error.code === 'KMS_KEY_NOT_FOUND') return []
    if (error.code === 'KMS_ACCESS_DENIED') return [{ ...target, version: undefined }]
    throw error
  }
}

/** True if the steps create a KMS key, or move an alias that the distribution has. */
export function dependOnNewest(
  { current }: ObserveContext['distribution'],
  steps: readonly Step[],
) {
  return (
    current.kmsKeys.length > 0 &&
    steps.some((step) => {
      if (step.action !== 'point-alias') return step.action === 'create'
      const known = aliasAt(current, step.region, step.alias)
      return known !== undefined && known.state !== 'pending'
    })
  )
}

/**
 * Calls {@link assertNewest} for every distribution of a key, before the key gets a new version.
 * Ignores a distribution that can't be reached: its own steps fail.
 * @throws KeymgmtError STORE_OUTDATED
 */
export async function assertAllNewest(
  engine: Engine,
  key: KeyRecord,
  distributions: readonly NamedDistribution[],
): Promise<void> {
  const comparable = distributions.filter(({ distribution: { current } }) => {
    return current.state === 'active' && current.kmsKeys.length > 0
  })
  await inParallel(comparable, async (named) => {
    try {
      await assertNewest(await openContext(engine, key, named))
    } catch (error) {
      if (!isUnanswered(error)) throw error
    }
  })
}

/**
 * Refuses to work with an older copy of a store, which would create a second KMS key for a version
 * that AWS already has, or move the alias back.
 * @throws KeymgmtError STORE_OUTDATED
 */
export async function assertNewest(
  context: ObserveContext,
  found?: readonly NewerTarget[],
): Promise<void> {
  const [newer] = found ?? (await findNewer(context))
  if (newer) throw outdatedError(context, newer)
}

/**
 * Refuses to remove an alias that names a newer KMS key of the same key: the older KMS keys would
 * be removed, and the newer one would stay. If its tags can't be read, nothing is refused.
 * @throws KeymgmtError STORE_OUTDATED
 */
export async function assertNotNewer(
  context: ObserveContext,
  region: string,
  alias: string,
  target: string,
): Promise<void> {
  if (alias !== aliasName(context.distribution.current.name)) return
  const targetsIn = (place: string) => (place === region ? new Map([[alias, target]]) : undefined)
  await assertNoneCertainlyNewer(context, await findNewer(context, targetsIn))
}

/**
 * Refuses to remove or revoke a distribution with an older copy of the store: the newest KMS key
 * would stay usable. Either can be urgent, so nothing is refused if AWS can't be asked or the tags
 * can't be read.
 * @throws KeymgmtError STORE_OUTDATED
 */
export async function assertIncludesNewest(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
): Promise<void> {
  try {
    const context = await openContext(engine, key, named)
    await assertNoneCertainlyNewer(context, await findNewer(context))
  } catch (error) {
    if (!isUnanswered(error)) throw error
  }
}

async function assertNoneCertainlyNewer(
  context: ObserveContext,
  found: readonly NewerTarget[],
): Promise<void> {
  const newer = found.filter(({ version }) => version !== undefined)
  if (newer.length > 0) await assertNewest(context, newer)
}

function outdatedError(
  { key }: ObserveContext,
  { region, alias, id, version }: NewerTarget,
): KeymgmtError {
  const [whose, conclusion, hints] =
    version === undefined
      ? ["whose tags can't be read", 'it may be', [ALLOW_TAGS]]
      : [`version ${version} of ${key.name}`, 'it is', []]
  const subject =
    alias === undefined
      ? `KMS key ${id} in ${region} has material of`
      : `the alias ${alias} in ${region} names KMS key ${id},`
  return new KeymgmtError(
    'STORE_OUTDATED',
    `${subject} ${whose}, which this store does not know: ${conclusion} an older copy of the store`,
    { hints: ['nothing was changed in AWS', ...hints, ...OUTDATED_NEXT_STEPS] },
  )
}

const ALLOW_TAGS =
  'to find out, allow kms:ListResourceTags on the KMS key, then run the same command again'

/** The next steps for a user who has an older copy of the store. */
export const OUTDATED_NEXT_STEPS: readonly string[] = [
  'use the newest copy of the store, or restore the newest snapshot: keymgmt operator snapshot restore FILE',
  'if there is none, record the KMS key as a version whose material is not in this store: keymgmt operator snapshot save FILE, then keymgmt operator snapshot restore FILE',
]
