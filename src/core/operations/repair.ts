import type { KmsKeyStatus } from '../../kms/kms-key.js'
import type { Engine } from '../engine.js'
import { compare, lostNextStep } from '../reconcile/compare.js'
import { amendMaterials } from '../reconcile/compare-materials.js'
import { openContext, recordState } from '../reconcile/context.js'
import { isExpired, isSameExpiry, type Compared, type Difference } from '../reconcile/difference.js'
import { takedownOf } from '../reconcile/interruption.js'
import { countRotations } from '../reconcile/new-material.js'
import { assertNewest } from '../reconcile/newer.js'
import {
  observe,
  type Observation,
  type ObservedKmsKey,
  type Unchecked,
} from '../reconcile/observe.js'
import { wantedAliases } from '../reconcile/plan.js'
import { movedPrimaries, withMovedPrimaries } from '../reconcile/primaries.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { reportSkipped } from '../reconcile/resume.js'
import { assertAgree } from '../records/agreement.js'
import {
  createdKmsKeyAt,
  found,
  holdsMaterial,
  isFilled,
  isInPlace,
  lacksOriginal,
  lost,
  materialIn,
  uncertainAlias,
  withImported,
} from '../records/kms-keys.js'
import { withStale } from '../records/key-settings.js'
import { withKeyLock } from '../records/locks.js'
import {
  without,
  type AliasEntry,
  type CreatedKmsKey,
  type DistributionRecord,
  type KmsKeyEntry,
  type MaterialEntry,
} from '../records/model.js'
import { requireDistribution, requireKey } from '../records/repository.js'

/** The consent of the user. */
export interface RepairOptions {
  /** True to make expiring material permanent, by importing it again. */
  readonly allowPermanent?: boolean | undefined
}

/** The outcome of {@link repairDistribution}. */
export interface Repair {
  /** The differences that were corrected. */
  readonly repaired: readonly Difference[]
  /** The differences that remain. */
  readonly remaining: readonly Difference[]
  /** The checks that could not be made. Their subjects were not changed. */
  readonly unchecked: readonly Unchecked[]
}

/**
 * Finishes an interrupted distribution, records the observed state of the KMS, and brings the KMS
 * back to the desired state. Imports material that was deleted or has another expiry, creates or
 * moves aliases, and enables, disables and tags KMS keys. Cancels deletions that keymgmt did not
 * schedule. For an unfinished removal or revocation, corrects only the records.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; errors of the KMS.
 */
export async function repairDistribution(
  engine: Engine,
  providerName: string,
  key: string,
  { allowPermanent = false }: RepairOptions = {},
): Promise<Repair> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/repair`
  return withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const distribution = await requireDistribution(engine, providerName, key)
    const named = { providerName, distribution }
    assertAgree(record.current, providerName, distribution.current)
    if (allowPermanent && canExpire(distribution.current)) await distribution.update(withoutExpiry)
    const takedown = takedownOf(record.current, distribution.current)
    const context = await openContext(engine, record.current, named)
    const observation = await observe(context, false)
    await assertNewest(context, observation.newer)
    const { unchecked } = observation
    const now = engine.now()
    const compared = { key: record.current, providerName, record: distribution.current, now }
    const differences = compare(compared, observation)
    const repaired = differences.filter(({ repairable }) => repairable)
    const isMissing = observation.kmsKeys.some(isDeleted)
    if (repaired.length > 0 || takedown || isMissing)
      await recordState(context, (current) => amend({ ...compared, record: current }, observation))
    if (takedown) reportSkipped(engine, key, takedown, named)
    else await reconcileKey(engine, record, [named])
    const remaining = differences
      .filter(({ repairable }) => !repairable)
      // It is on record as lost now: another repair would change nothing.
      .map((each) => (each.found === 'deleted' ? { ...each, nextStep: lostNextStep(key) } : each))
    return { repaired, remaining, unchecked }
  })
}

function canExpire({ expiry, kmsKeys }: DistributionRecord): boolean {
  const hasExpiry = ({ validTo }: MaterialEntry) => validTo !== undefined
  return (
    expiry !== undefined ||
    kmsKeys.some((entry) => entry.state === 'created' && entry.materials.some(hasExpiry))
  )
}

/** PURE: returns the record without any expiry of material. */
function withoutExpiry(record: DistributionRecord): DistributionRecord {
  return {
    ...without(record, 'expiry'),
    kmsKeys: record.kmsKeys.map((entry) =>
      entry.state === 'created'
        ? { ...entry, materials: entry.materials.map((each) => without(each, 'validTo', 'stale')) }
        : entry,
    ),
  }
}

/**
 * PURE: returns the record corrected to the observed state, so that the plan contains every repair.
 */
function amend(compared: Compared, { kmsKeys, aliases }: Observation): DistributionRecord {
  const { key, record } = compared
  const wanted = wantedAliases(key, record)
  return {
    ...withMovedPrimaries(record, movedPrimaries(record, kmsKeys)),
    kmsKeys: kmsKeys.map((observed) => amendKmsKey(compared, observed)),
    aliases: record.aliases.map((alias) => {
      const version = wanted.get(alias.name)
      if (version === undefined) return alias
      const targets = aliases.get(alias.region)
      if (!targets) return alias
      const expected = createdKmsKeyAt(record, version, alias.region)?.key.id
      return amendAlias(alias, expected, targets.get(alias.name))
    }),
  }
}

/** An alias that was ours is moved back, wherever it was moved to. */
function amendAlias(
  known: AliasEntry,
  expected: string | undefined,
  target: string | undefined,
): AliasEntry {
  if (target === expected) return known
  const { region, name, state } = known
  return state === 'pending' || target === undefined
    ? uncertainAlias(known)
    : { region, name, state: 'moved' }
}

/** True if AWS said that it no longer has the KMS key. */
function isDeleted({ entry, isTrimmed, status, unchecked }: ObservedKmsKey): boolean {
  return entry.state === 'created' && !isTrimmed && !status && unchecked.length === 0
}

function amendKmsKey(compared: Compared, observed: ObservedKmsKey): KmsKeyEntry {
  const { entry, status, settings } = observed
  if (entry.state === 'creating') return entry
  if (!status) return entry.state === 'created' && isDeleted(observed) ? lost(entry) : entry
  if (entry.state === 'lost') return found(entry)
  const amended = withObservedMaterial(compared, entry, observed, status)
  if (!amended) return entry
  const imported = isInPlace(compared.record) ? isFilled(amended) : holdsMaterial(amended)
  const { deletionDate } = status
  return {
    ...withStale(
      without(amended, 'enabled', 'deletion'),
      settings.map(({ setting }) => setting),
    ),
    ...(status.state === 'pending-deletion' && {
      deletion: deletionDate ? { date: deletionDate.toISOString() } : {},
    }),
    ...((imported || lacksOriginal(entry)) &&
      (status.state === 'enabled' || status.state === 'disabled') && {
        enabled: status.state === 'enabled',
      }),
  }
}

/** Returns undefined if AWS did not list the materials of a KMS key that is rotated in place. */
function withObservedMaterial(
  compared: Compared,
  entry: CreatedKmsKey,
  { materials }: ObservedKmsKey,
  status: KmsKeyStatus,
): CreatedKmsKey | undefined {
  if (!isInPlace(compared.record)) return withImported(entry, isImported(compared, entry, status))
  if (!materials) return undefined
  return {
    ...entry,
    materials: amendMaterials(compared, entry, materials),
    rotations: countRotations(materials),
  }
}

/**
 * True if the material need not be imported again. In a revoked distribution, only its presence
 * counts. Otherwise, material with another expiry, or without proof that it is ours, is imported
 * again, unless its expiry has passed, which AWS refuses.
 */
function isImported(compared: Compared, entry: CreatedKmsKey, status: KmsKeyStatus): boolean {
  const { state } = compared.record
  if (state === 'revoked') return status.state !== 'pending-import'
  const material = materialIn(entry, entry.version)
  if (isExpired(compared, material)) return holdsMaterial(entry)
  return (
    status.state !== 'pending-import' &&
    holdsMaterial(entry) &&
    // A step of the plan renews it.
    (material?.stale === true || isSameExpiry(status, material?.validTo))
  )
}
