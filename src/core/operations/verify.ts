import type { KmsKeyStatus } from '../../kms/provider.js'
import type { Engine } from '../engine.js'
import { withKeyLock } from './keys.js'
import { requireDistribution, requireKey } from '../records/repository.js'
import {
  copiesOf,
  isEnabledVersion,
  isUnfinished,
  wantedAliases,
  type PlacedCopy,
} from '../reconcile/plan.js'
import { openContext } from '../reconcile/reconcile.js'
import { readMaterial, tagsOf, type Work } from '../reconcile/context.js'

/** What AWS says of one copy. */
export interface ObservedCopy extends PlacedCopy {
  /** Undefined when AWS has no such KMS key. */
  readonly status: KmsKeyStatus | undefined
  /** Names of our tags that it lacks, or that say something else. */
  readonly wrongTags: readonly string[]
  /** Whether it holds our material; undefined where that could not be seen. */
  readonly holds: boolean | undefined
}

/** What AWS says of a distribution. */
export interface Observation {
  readonly copies: readonly ObservedCopy[]
  /** By Region and name, the id of the KMS key that an alias names. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>
}

/** Something that is not as it should be. */
export interface Difference {
  readonly what:
    'kms-key' | 'state' | 'material' | 'expiry' | 'tags' | 'multi-region' | 'alias' | 'unfinished'
  readonly region: string
  /** 0 where no version is concerned. */
  readonly version: number
  /** The KMS key id, or the name of the alias. */
  readonly subject: string
  readonly expected: string
  readonly found: string
  /** Whether `repair` can mend it. */
  readonly mendable: boolean
}

/** The outcome of {@link verifyDistribution}. */
export interface Verification {
  readonly observation: Observation
  readonly differences: readonly Difference[]
}

/**
 * Compares what is on record with what the KMS has; changes nothing, unless `challenge` asks
 * symmetric KMS keys to take the same material again, which AWS does only if it is the same.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; errors of the KMS.
 */
export async function verifyDistribution(
  engine: Engine,
  kms: string,
  key: string,
  challenge: boolean,
): Promise<Verification> {
  return withKeyLock(engine.store, key, `read keymgmt/kms/${kms}/key/${key}/verify`, async () => {
    const handle = await requireDistribution(engine, kms, key)
    const work = await openContext(engine, (await requireKey(engine, key)).current, { kms, handle })
    const observation = await observe(work, challenge)
    return { observation, differences: compare(work, observation) }
  })
}

/** Asks the KMS about every copy and alias of the distribution. */
export async function observe(work: Work, challenge: boolean): Promise<Observation> {
  const { provider, handle } = work
  const names = new Set(wantedAliases(work.key, handle.current).keys())
  const [copies, aliases] = await Promise.all([
    Promise.all(copiesOf(handle.current).map((placed) => observeCopy(work, placed, challenge))),
    Promise.all(
      handle.current.regions.map(
        async (region) => [region, await provider.aliasTargets(region, names)] as const,
      ),
    ),
  ])
  return { copies, aliases: new Map(aliases) }
}

async function observeCopy(
  work: Work,
  placed: PlacedCopy,
  challenge: boolean,
): Promise<ObservedCopy> {
  const { version, region, copy } = placed
  const status = copy.key && (await work.provider.inspect(region, copy.key))
  if (!copy.key || !status) return { ...placed, status: undefined, wrongTags: [], holds: undefined }
  const tags = await work.provider.tagsOf(region, copy.key)
  const wrongTags = Object.entries(await tagsOf(work, version, copy.operation_id)).flatMap(
    ([name, value]) => (tags[name] === value ? [] : [name]),
  )
  return {
    ...placed,
    status,
    wrongTags,
    holds: await observeMaterial(work, placed, status, challenge),
  }
}

async function observeMaterial(
  work: Work,
  { version, region, copy }: PlacedCopy,
  { key, state, materialId }: KmsKeyStatus,
  challenge: boolean,
): Promise<boolean | undefined> {
  if (state !== 'enabled' && state !== 'disabled') return undefined
  const material = await readMaterial(work, version)
  try {
    const seen = await work.provider.holds(region, key, work.key.type, material)
    if (seen !== undefined) return seen
    if (challenge) return await work.provider.accepts(region, key, work.key.type, material)
    return copy.material_id === undefined || materialId === undefined
      ? undefined
      : copy.material_id === materialId
  } finally {
    material.fill(0)
  }
}

/** PURE: what the KMS has otherwise than the records want it. */
export function compare(
  { key, handle, provider }: Pick<Work, 'key' | 'handle' | 'provider'>,
  { copies, aliases }: Observation,
): Difference[] {
  const record = handle.current
  const unfinished: Difference[] = !isUnfinished(key, record)
    ? []
    : [
        {
          what: 'unfinished',
          region: provider.region,
          version: 0,
          subject: record.name,
          expected: 'every command finished',
          found: 'an interrupted command',
          mendable: true,
        },
      ]
  const wanted = record.state === 'active' ? wantedAliases(key, record) : new Map<string, number>()
  const ofAliases = record.regions.flatMap((region) =>
    [...wanted].flatMap(([name, version]) =>
      compareAlias(
        region,
        name,
        version,
        record.copies[version]?.[region]?.key?.id,
        aliases.get(region)?.get(name),
      ),
    ),
  )
  return [
    ...unfinished,
    ...copies.flatMap((copy) =>
      compareCopy(copy, record.regions, expectedState(key, record.state, copy)),
    ),
    ...ofAliases,
  ]
}

function expectedState(key: Work['key'], state: string, { version }: PlacedCopy): string {
  if (state === 'removed') return 'pending-deletion'
  if (state === 'revoked') return 'pending-import'
  return isEnabledVersion(key, version) ? 'enabled' : 'disabled'
}

function compareAlias(
  region: string,
  name: string,
  version: number,
  expected: string | undefined,
  found: string | undefined,
): Difference[] {
  if (expected === undefined || expected === found) return []
  return [
    {
      what: 'alias',
      region,
      version,
      subject: name,
      expected: `names ${expected}`,
      found: found === undefined ? 'does not exist' : `names ${found}`,
      mendable: true,
    },
  ]
}

function compareCopy(
  { version, region, copy, status, wrongTags, holds }: ObservedCopy,
  regions: readonly string[],
  expected: string,
): Difference[] {
  if (!copy.key) return []
  const differs = (
    what: Difference['what'],
    wanted: string,
    found: string,
    mendable: boolean,
  ): Difference => ({
    what,
    region,
    version,
    subject: copy.key?.id ?? '',
    expected: wanted,
    found,
    mendable,
  })
  if (!status) return [differs('kms-key', 'exists', 'deleted', false)]
  // What is on its way out is neither filled nor tagged any more.
  const stays = expected !== 'pending-deletion'
  const found: (Difference | false)[] = [
    status.state !== expected &&
      differs('state', expected, status.state, status.state !== 'unavailable' && status.external),
    holds === false && differs('material', 'our material', 'other material', false),
    status.expires !== undefined && differs('expiry', 'never', status.expires.toISOString(), stays),
    wrongTags.length > 0 &&
      differs('tags', 'ours', `missing or changed: ${wrongTags.join(', ')}`, stays),
    !sameRegions(status, regions) &&
      differs(
        'multi-region',
        describeRegions(regions),
        describeRegions(status.multiRegion?.regions ?? [region]),
        false,
      ),
  ]
  return found.filter((difference) => difference !== false)
}

/**
 * A distribution in one Region may be of a multi-Region key: one that has not been replicated yet.
 */
function sameRegions({ multiRegion }: KmsKeyStatus, regions: readonly string[]): boolean {
  const found = multiRegion?.regions ?? regions.slice(0, 1)
  return (
    found.length === regions.length &&
    regions.every((region) => found.includes(region)) &&
    (multiRegion === undefined || multiRegion.primary === regions[0])
  )
}

function describeRegions(regions: readonly string[]): string {
  return regions.join(', ')
}
