import type { KmsKey, KmsKeyStatus } from '../../kms/provider.js'
import type { Engine } from '../engine.js'
import { withKeyLock } from './keys.js'
import { requireDistribution, requireKey } from '../records/repository.js'
import { wantedAliases } from '../reconcile/plan.js'
import {
  without,
  type AliasRecord,
  type CopyRecord,
  type DistributionRecord,
} from '../records/model.js'
import { resumeUnfinished, openContext } from '../reconcile/reconcile.js'
import { compare, observe, type Difference, type Observation, type ObservedCopy } from './verify.js'
import type { Work } from '../reconcile/context.js'

/** The outcome of {@link repairDistribution}. */
export interface Repair {
  readonly mended: readonly Difference[]
  /** What cannot be mended. */
  readonly remaining: readonly Difference[]
}

/**
 * Finishes what was interrupted, then writes down what the KMS really has and brings it in line
 * again: material that was deleted or is to expire is imported again, aliases are made or moved,
 * KMS keys enabled or disabled, tagged, and a deletion that was not ours is cancelled.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; errors of the KMS.
 */
export async function repairDistribution(
  engine: Engine,
  kms: string,
  key: string,
): Promise<Repair> {
  return withKeyLock(engine.store, key, `write keymgmt/kms/${kms}/key/${key}/repair`, async () => {
    const record = await requireKey(engine, key)
    const work = await openContext(engine, record.current, {
      kms,
      handle: await requireDistribution(engine, kms, key),
    })
    const observation = await observe(work, false)
    const differences = compare(work, observation)
    const mended = differences.filter(({ mendable }) => mendable)
    if (mended.length > 0) await work.handle.update((current) => amend(work, current, observation))
    await resumeUnfinished(engine, record)
    return { mended, remaining: differences.filter(({ mendable }) => !mendable) }
  })
}

/** PURE: the record as the KMS has it, from which the plan is what has to be done. */
function amend(
  { key }: Work,
  record: DistributionRecord,
  { copies, aliases }: Observation,
): DistributionRecord {
  const amended = copies.map((observed) => ({
    ...observed,
    copy: amendCopy(observed, record.state),
  }))
  const wanted = wantedAliases(key, record)
  return {
    ...record,
    copies: Object.fromEntries(
      Object.keys(record.copies).map((version) => [
        version,
        Object.fromEntries(
          amended
            .filter((placed) => String(placed.version) === version)
            .map(({ region, copy }) => [region, copy]),
        ),
      ]),
    ),
    aliases: Object.fromEntries(
      Object.entries(record.aliases).map(([region, names]) => [
        region,
        Object.fromEntries(
          Object.entries(names).map(([name, known]) => {
            const named = record.copies[wanted.get(name) ?? 0]?.[region]?.key
            return [
              name,
              wanted.has(name) ? amendAlias(known, named, aliases.get(region)?.get(name)) : known,
            ]
          }),
        ),
      ]),
    ),
  }
}

/** It carries our name and was ours: wherever it was moved to, it is moved back. */
function amendAlias(
  known: AliasRecord,
  named: KmsKey | undefined,
  target: string | undefined,
): AliasRecord {
  return target === named?.id ? known : { version: 0, ours: known.ours && target !== undefined }
}

function amendCopy(
  { copy, status, wrongTags }: ObservedCopy,
  state: DistributionRecord['state'],
): CopyRecord {
  if (!copy.key || !status) return copy
  const imported = isImported(copy, status, state)
  return {
    ...without(copy, 'enabled', 'deletion_scheduled', 'deletion_date'),
    imported,
    ...(wrongTags.length > 0 && { untagged: true }),
    ...(status.state === 'pending-deletion' && { deletion_scheduled: true }),
    ...(status.deletionDate && { deletion_date: status.deletionDate.toISOString() }),
    ...(imported &&
      (status.state === 'enabled' || status.state === 'disabled') && {
        enabled: status.state === 'enabled',
      }),
  }
}

/**
 * Of a revoked one only what is there matters. Else what is to expire, or was never seen to be
 * ours, is imported again; and what is pending deletion, for that hides whether there is any.
 */
function isImported(
  copy: CopyRecord,
  { state: found, expires }: KmsKeyStatus,
  state: DistributionRecord['state'],
): boolean {
  if (found === 'pending-import') return false
  if (state === 'revoked') return true
  return (
    copy.imported && expires === undefined && (found !== 'pending-deletion' || state === 'removed')
  )
}
