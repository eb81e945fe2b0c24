import { KeymgmtError } from '../../errors.js'
import { KEY_ID_TAG, type KmsProvider } from '../../kms/provider.js'
import { aliasName } from '../records/alias-names.js'
import { archivedOf } from '../records/archive.js'
import { aliasAt } from '../records/kms-keys.js'
import type { DistributionRecord, KeyRecord } from '../records/model.js'
import { distributionsOf, type NamedDistribution } from '../records/repository.js'
import type { Engine } from '../engine.js'
import { openContext, versionIn, type ObserveContext } from './context.js'
import { isUnanswered } from './unanswered.js'
import type { Step } from './plan.js'

/** A KMS key that the alias of a distribution points to, and that is not on record. */
export interface NewerTarget {
  /** AWS Region. */
  readonly region: string
  /** Id of the KMS key. */
  readonly id: string
  /** The version in its tags; undefined if the tags can't be read. */
  readonly version: number | undefined
}

/**
 * Returns the KMS keys that the alias points to in each Region and that are not on record. They
 * show that AWS is newer than this copy of the store. A KMS key whose tags name another key does
 * not count.
 */
export async function findNewer(
  context: ObserveContext,
  targetIn: TargetIn = targetOf(context),
): Promise<NewerTarget[]> {
  const { key, provider, distribution } = context
  const { name, regions } = distribution.current
  const targets = await Promise.all(
    regions.map(async (region) => ({ region, id: await targetIn(region, aliasName(name)) })),
  )
  const own = knownPlaces([distribution.current])
  const others = targets.filter(({ region, id }) => id !== undefined && !own.has(`${region} ${id}`))
  if (others.length === 0) return []
  const known = knownPlaces(await otherRecords(context))
  const found = await Promise.all(
    others.map(async ({ region, id }) =>
      id === undefined || known.has(`${region} ${id}`)
        ? []
        : newerTarget(provider, key, region, id),
    ),
  )
  return found.flat()
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

/** Returns the id of the KMS key that an alias points to. */
type TargetIn = (region: string, alias: string) => Promise<string | undefined> | string | undefined

function targetOf({ provider }: ObserveContext): TargetIn {
  return async (region, alias) =>
    (await provider.aliasTargets(region, new Set([alias])).catch(ifDenied))?.get(alias)
}

/** Without kms:ListAliases, keymgmt cannot detect that the store is outdated. */
function ifDenied(error: unknown): undefined {
  if (error instanceof KeymgmtError && error.code === 'KMS_ACCESS_DENIED') return undefined
  throw error
}

async function newerTarget(
  provider: KmsProvider,
  key: KeyRecord,
  region: string,
  id: string,
): Promise<NewerTarget[]> {
  try {
    const tags = await provider.tagsOf(region, { id, arn: '' })
    return tags[KEY_ID_TAG] === key.id ? [{ region, id, version: versionIn(tags) }] : []
  } catch (error) {
    if (!(error instanceof KeymgmtError)) throw error
    if (error.code === 'KMS_KEY_NOT_FOUND') return []
    if (error.code === 'KMS_ACCESS_DENIED') return [{ region, id, version: undefined }]
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
 * Does the same as {@link assertNewest} for every distribution of a key, before the key gets a new
 * version. Ignores a distribution that can't be reached: its own steps fail.
 * @throws KeymgmtError STORE_OUTDATED
 */
export async function assertAllNewest(
  engine: Engine,
  key: KeyRecord,
  distributions: readonly NamedDistribution[],
): Promise<void> {
  for (const named of distributions) {
    const { state, kmsKeys } = named.distribution.current
    if (state !== 'active' || kmsKeys.length === 0) continue
    try {
      await assertNewest(await openContext(engine, key, named))
    } catch (error) {
      if (!isUnanswered(error)) throw error
    }
  }
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
 * Refuses to remove an alias that names a newer KMS key of the same key: the older ones would be
 * removed, and that one would be left behind. If its tags can't be read, nothing is refused.
 * @throws KeymgmtError STORE_OUTDATED
 */
export async function assertNotNewer(
  context: ObserveContext,
  region: string,
  alias: string,
  target: string,
): Promise<void> {
  if (alias !== aliasName(context.distribution.current.name)) return
  const targetIn = (place: string) => (place === region ? target : undefined)
  await assertNoneCertainlyNewer(context, await findNewer(context, targetIn))
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
  { key, distribution }: ObserveContext,
  { region, id, version }: NewerTarget,
): KeymgmtError {
  const [whose, conclusion, hints] =
    version === undefined
      ? ["whose tags can't be read", 'it may be', [ALLOW_TAGS]]
      : [`version ${version} of ${key.name}`, 'it is', []]
  return new KeymgmtError(
    'STORE_OUTDATED',
    `the alias ${aliasName(distribution.current.name)} in ${region} names KMS key ${id}, ${whose}, which this store does not know: ${conclusion} an older copy of the store`,
    { hints: ['nothing was changed in AWS', ...hints, ...OUTDATED_WAYS_OUT] },
  )
}

const ALLOW_TAGS =
  'to find out, allow kms:ListResourceTags on the KMS key, then run the same command again'

/** The next steps for a user who has an older copy of the store. */
export const OUTDATED_WAYS_OUT: readonly string[] = [
  'use the newest copy of the store, or restore the newest snapshot: keymgmt operator snapshot restore FILE',
  'if there is none, record the KMS key as a version whose material is not in this store: keymgmt operator snapshot save FILE, then keymgmt operator snapshot restore FILE',
]
