import type { KmsKeyStatus } from '../../kms/provider.js'
import type { Engine } from '../engine.js'
import { openContext, type ReconcileContext } from '../reconcile/context.js'
import { takedownOf } from '../reconcile/interruption.js'
import { observe, type Observation, type ObservedKmsKey } from '../reconcile/observe.js'
import { wantedAliases } from '../reconcile/plan.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { noticeUnfinished, reportSkipped } from '../reconcile/resume.js'
import { createdKmsKeyAt, found, holdsMaterial, lost, withImported } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import {
  without,
  type AliasEntry,
  type CreatedKmsKey,
  type DistributionRecord,
  type DistributionState,
  type KmsKeyEntry,
} from '../records/model.js'
import { requireDistribution, requireKey } from '../records/repository.js'
import { compare, type Difference } from './verify.js'

/** The outcome of {@link repairDistribution}. */
export interface Repair {
  readonly mended: readonly Difference[]
  /** The differences that cannot be mended. */
  readonly remaining: readonly Difference[]
}

/**
 * Finishes a distribution that was interrupted, writes down what the KMS really has and brings it
 * in line again: imports material again that was deleted or is to expire, creates or moves aliases,
 * enables or disables and tags KMS keys, and cancels a deletion that was not ours. For a removal or
 * revocation that did not finish, only the records are corrected.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; errors of the KMS.
 */
export async function repairDistribution(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<Repair> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/repair`
  return withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const distribution = await requireDistribution(engine, providerName, key)
    const named = { providerName, distribution }
    const takedown = takedownOf(record.current, distribution.current)
    const context = await openContext(engine, record.current, named)
    const observation = await observe(context, false)
    const differences = compare(context, observation)
    const mended = differences.filter(({ mendable }) => mendable)
    if (!takedown) noticeUnfinished(engine, record.current, [named])
    const isMissing = observation.kmsKeys.some(
      ({ entry, status }) => entry.state === 'created' && !status,
    )
    if (mended.length > 0 || takedown || isMissing)
      await distribution.update((current) => amend(context, current, observation))
    if (takedown) reportSkipped(engine, key, takedown, named)
    else await reconcileKey(engine, record, [named])
    return { mended, remaining: differences.filter(({ mendable }) => !mendable) }
  })
}

/** PURE: the record as the KMS has it, from which the plan is what has to be done. */
function amend(
  { key }: Pick<ReconcileContext, 'key'>,
  record: DistributionRecord,
  { kmsKeys, aliases }: Observation,
): DistributionRecord {
  const wanted = wantedAliases(key, record)
  return {
    ...record,
    kms_keys: kmsKeys.map((observed) => amendKmsKey(observed, record.state)),
    aliases: record.aliases.map((alias) => {
      const version = wanted.get(alias.name)
      if (version === undefined) return alias
      const target = aliases.get(alias.region)?.get(alias.name)
      return amendAlias(alias, createdKmsKeyAt(record, version, alias.region)?.key.id, target)
    }),
  }
}

/** It has our name and was ours: wherever it was moved to, it is moved back. */
function amendAlias(
  known: AliasEntry,
  expected: string | undefined,
  target: string | undefined,
): AliasEntry {
  if (target === expected) return known
  const { region, name } = known
  const isOurs = known.state !== 'pending' && target !== undefined
  return { region, name, state: isOurs ? 'moved' : 'pending' }
}

function amendKmsKey(
  { entry, status, wrongTags }: ObservedKmsKey,
  state: DistributionState,
): KmsKeyEntry {
  if (entry.state === 'creating') return entry
  if (!status) return entry.state === 'lost' ? entry : lost(entry)
  if (entry.state === 'lost') return found(entry)
  const imported = isImported(entry, status, state)
  const { deletionDate } = status
  return {
    ...withImported(without(entry, 'enabled', 'deletion'), imported),
    ...(wrongTags.length > 0 && { untagged: true }),
    ...(status.state === 'pending-deletion' && {
      deletion: deletionDate ? { date: deletionDate.toISOString() } : {},
    }),
    ...(imported &&
      (status.state === 'enabled' || status.state === 'disabled') && {
        enabled: status.state === 'enabled',
      }),
  }
}

/**
 * In a revoked distribution only what is there matters. Else material that is to expire, or was
 * never seen to be ours, is imported again; and that of a KMS key pending deletion, which hides if
 * there is any.
 */
function isImported(
  entry: CreatedKmsKey,
  { state: seen, expires }: KmsKeyStatus,
  state: DistributionState,
): boolean {
  if (seen === 'pending-import') return false
  if (state === 'revoked') return true
  return (
    holdsMaterial(entry) &&
    expires === undefined &&
    (seen !== 'pending-deletion' || state === 'removed')
  )
}
