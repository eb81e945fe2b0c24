import type { KmsKeyState, KmsKeyStatus } from '../../kms/provider.js'
import type { Engine } from '../engine.js'
import { openContext, type ReconcileContext } from '../reconcile/context.js'
import { observe, type Observation, type ObservedKmsKey } from '../reconcile/observe.js'
import { interruptionOf, takedownOf, type Interruption } from '../reconcile/interruption.js'
import { isEnabledVersion, wantedAliases } from '../reconcile/plan.js'
import { createdKmsKeyAt } from '../records/kms-keys.js'
import type { DistributionRecord, KeyRecord, KmsKeyPlace } from '../records/model.js'
import { requireDistribution, requireKey } from '../records/repository.js'
import type { Takedown } from '../records/takedown.js'

export type { Observation, ObservedKmsKey } from '../reconcile/observe.js'

/** A difference between the records and AWS. */
export interface Difference {
  readonly what:
    'kms-key' | 'state' | 'material' | 'expiry' | 'tags' | 'multi-region' | 'alias' | 'unfinished'
  readonly region: string
  /** Absent where no version is concerned. */
  readonly version?: number
  /** The KMS key id, or the name of the alias. */
  readonly subject: string
  readonly expected: string
  readonly found: string
  /** True if `repair` can mend it. */
  readonly mendable: boolean
  /** Present if only finishing this removal or revocation, or `restore`, ends the difference. */
  readonly takedown?: Takedown
}

/** The outcome of {@link verifyDistribution}. */
export interface Verification {
  readonly observation: Observation
  readonly differences: readonly Difference[]
}

/** A command that changes the key at the same time can make the records and the KMS differ. */
const MAX_ATTEMPTS = 3

/**
 * Compares what is on record with what the KMS has; takes no lock, so that it works on a read-only
 * store, and compares again if the records changed meanwhile. Changes nothing, unless `challenge`
 * asks symmetric KMS keys to take the same material again, which AWS does only if it is the same.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; errors of the KMS.
 */
export async function verifyDistribution(
  engine: Engine,
  providerName: string,
  key: string,
  challenge: boolean,
): Promise<Verification> {
  for (let attempt = 1; ; attempt++) {
    const distribution = await requireDistribution(engine, providerName, key)
    const record = (await requireKey(engine, key)).current
    const before = JSON.stringify([record, distribution.current])
    const context = await openContext(engine, record, { providerName, distribution })
    const observation = await observe(context, challenge)
    const differences = compare(context, observation)
    if (differences.length === 0 || attempt === MAX_ATTEMPTS) return { observation, differences }
    const after = [
      (await requireKey(engine, key)).current,
      (await requireDistribution(engine, providerName, key)).current,
    ]
    if (JSON.stringify(after) === before) return { observation, differences }
  }
}

/** PURE: where the KMS differs from the records. */
export function compare(
  { key, distribution, provider }: Pick<ReconcileContext, 'key' | 'distribution' | 'provider'>,
  { kmsKeys, aliases }: Observation,
): Difference[] {
  const record = distribution.current
  const interruption = interruptionOf(key, record)
  const takedown = takedownOf(key, record)
  const differences = [
    ...(interruption ? [unfinishedDifference(record, provider.region, interruption)] : []),
    ...kmsKeys.flatMap((observed) =>
      compareKmsKey(observed, record.regions, expectedState(key, record, observed.entry)),
    ),
    ...(record.state === 'active' ? compareAliases(key, record, aliases) : []),
  ]
  // `repair` neither finishes nor undoes an interrupted removal or revocation.
  return takedown
    ? differences.map((difference) => ({ ...difference, mendable: false, takedown }))
    : differences
}

function unfinishedDifference(
  { name }: DistributionRecord,
  region: string,
  interruption: Interruption,
): Difference {
  return {
    what: 'unfinished',
    region,
    subject: name,
    expected: 'every command finished',
    found:
      interruption === 'distribution' ? 'an interrupted command' : `an unfinished ${interruption}`,
    mendable: true,
  }
}

function expectedState(
  key: KeyRecord,
  { state }: DistributionRecord,
  { version }: KmsKeyPlace,
): KmsKeyState {
  if (state === 'removed') return 'pending-deletion'
  if (state === 'revoked') return 'pending-import'
  return isEnabledVersion(key, version) ? 'enabled' : 'disabled'
}

function compareAliases(
  key: KeyRecord,
  record: DistributionRecord,
  aliases: Observation['aliases'],
): Difference[] {
  return record.regions.flatMap((region) =>
    [...wantedAliases(key, record)].flatMap(([name, version]): Difference[] => {
      const expected = createdKmsKeyAt(record, version, region)?.key.id
      const found = aliases.get(region)?.get(name)
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
    }),
  )
}

function compareKmsKey(
  { entry, status, wrongTags, holds }: ObservedKmsKey,
  regions: readonly string[],
  expected: KmsKeyState,
): Difference[] {
  if (entry.state === 'creating') return []
  const { version, region, key } = entry
  const differs = (
    what: Difference['what'],
    wanted: string,
    found: string,
    mendable: boolean,
  ): Difference => ({
    what,
    region,
    version,
    subject: key.id,
    expected: wanted,
    found,
    mendable,
  })
  if (!status)
    return [differs('kms-key', 'exists', entry.state === 'lost' ? 'lost' : 'deleted', false)]
  if (entry.state === 'lost') return [differs('kms-key', 'lost', status.state, true)]
  // A KMS key that should be deleted needs neither material nor tags.
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
        regions.join(', '),
        (status.multiRegion?.regions ?? [region]).join(', '),
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
