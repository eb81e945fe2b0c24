import { KeymgmtError } from '../../errors.js'
import type { Purpose } from '../../kms/provider.js'
import { DEFAULT_DELETION_WINDOW } from '../reconcile/steps.js'
import type { Engine } from '../engine.js'
import { withKeyLock } from './keys.js'
import { createRecord, openRecord, type RecordHandle } from '../records/record.js'
import { distributionsOf, requireKey } from '../records/repository.js'
import { copiesOf } from '../reconcile/plan.js'
import { recordPath, without, type DistributionRecord, type KeyRecord } from '../records/model.js'
import {
  deleteArchived,
  isRestorable,
  archivedOf,
  type ArchivedDistribution,
} from '../records/archive.js'
import { reconcile, reconcileKey } from '../reconcile/reconcile.js'

/** A KMS key whose deletion was scheduled, and when it becomes final where AWS has said so. */
export interface ScheduledDeletion {
  readonly region: string
  readonly kmsKeyId: string
  readonly date: string | undefined
}

/**
 * Removes the alias and schedules every KMS key for deletion after `days` (7 to 30) days. The key
 * and its material stay with us, and so does the record, until AWS has deleted the last KMS key:
 * {@link restoreDistribution} takes it back until then. One that is not distributed is removed
 * already.
 * @returns what was scheduled; empty when there was nothing to remove.
 */
export async function removeDistribution(
  engine: Engine,
  kms: string,
  key: string,
  days = DEFAULT_DELETION_WINDOW,
): Promise<readonly ScheduledDeletion[]> {
  return withKeyLock(engine.store, key, `delete keymgmt/kms/${kms}/key/${key}`, async () => {
    const handle = await openRecord<DistributionRecord>(
      engine.store,
      recordPath.distribution(kms, key),
    )
    if (!handle) return []
    const record = (await requireKey(engine, key)).current
    // What was begun before is not finished first: the way out must not lead through what may be
    // broken.
    if (handle.current.state !== 'removed')
      await handle.update((current) => ({ ...current, state: 'removed', deletion_window: days }))
    await reconcile(engine, record, { kms, handle })
    return copiesOf(handle.current).flatMap(({ region, copy }) =>
      copy.key ? [{ region, kmsKeyId: copy.key.id, date: copy.deletion_date }] : [],
    )
  })
}

/**
 * Deletes the material from every KMS key of the distribution at once: they keep their ids and can
 * do nothing until {@link restoreDistribution} puts the same material back.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; errors of the KMS.
 */
export async function revokeDistribution(engine: Engine, kms: string, key: string): Promise<void> {
  await withKeyLock(engine.store, key, `write keymgmt/kms/${kms}/key/${key}/revoke`, async () => {
    const record = (await requireKey(engine, key)).current
    const handle = await openRecord<DistributionRecord>(
      engine.store,
      recordPath.distribution(kms, key),
    )
    if (!handle || handle.current.state === 'removed')
      throw notThere(kms, key, 'is not distributed to')
    if (handle.current.state === 'active')
      await handle.update((current) => ({ ...current, state: 'revoked' }))
    await reconcile(engine, record, { kms, handle })
  })
}

/**
 * Takes back a removal or a revocation: cancels the deletions, puts the material back, enables, and
 * makes the same alias again. One that is as it should be is left so.
 * @throws KeymgmtError DISTRIBUTION_NOT_FOUND when there is nothing to take back; KMS_KEY_NOT_FOUND
 * when AWS has deleted KMS keys of it; errors of the KMS.
 */
export async function restoreDistribution(engine: Engine, kms: string, key: string): Promise<void> {
  await withKeyLock(engine.store, key, `write keymgmt/kms/${kms}/key/${key}/restore`, async () => {
    const record = await requireKey(engine, key)
    const handle = await reopen(engine, kms, record.current)
    if (handle.current.state !== 'active') await handle.update(activate)
    await reconcileKey(engine, record, await distributionsOf(engine, key))
  })
}

async function reopen(
  engine: Engine,
  kms: string,
  key: KeyRecord,
): Promise<RecordHandle<DistributionRecord>> {
  const existing = await openRecord<DistributionRecord>(
    engine.store,
    recordPath.distribution(kms, key.name),
  )
  if (existing) return existing
  const [latest] = await archivedOf(engine, key, kms)
  if (!latest) throw notThere(kms, key.name, 'was not removed from')
  if (await isRestorable(engine, latest)) return unarchive(engine, latest, key.name)
  throw new KeymgmtError('KMS_KEY_NOT_FOUND', `AWS has deleted KMS keys of ${key.name} in ${kms}`, {
    hints: [
      'they cannot be brought back',
      `distribute it anew: keymgmt write keymgmt/kms/${kms}/key/${key.name} purpose=${latest.record.purpose.join(',')}`,
    ],
  })
}

function notThere(kms: string, key: string, what: string): KeymgmtError {
  return new KeymgmtError('DISTRIBUTION_NOT_FOUND', `key ${key} ${what} ${kms}`, {
    hints: [`see where it is: keymgmt list keymgmt/key/${key}/kms`],
  })
}

function activate(record: DistributionRecord): DistributionRecord {
  return { ...without(record, 'deletion_window'), state: 'active' }
}

/**
 * The earlier distribution of the key for the same purpose, active again, where AWS still has all
 * of its KMS keys. Nothing is asked of AWS yet but whether it has.
 */
export async function reactivate(
  engine: Engine,
  kms: string,
  key: KeyRecord,
  purpose: readonly Purpose[],
): Promise<RecordHandle<DistributionRecord> | undefined> {
  for (const archived of await archivedOf(engine, key, kms)) {
    if (archived.record.purpose.join() !== purpose.join()) continue
    if (await isRestorable(engine, archived)) {
      engine.notice(
        `Bringing back the KMS keys that were scheduled for deletion with ${archived.record.name}`,
      )
      return unarchive(engine, archived, key.name)
    }
    if (archived.gone) await deleteArchived(engine, archived)
  }
  return undefined
}

/** The record is back in its place before it goes from where it was put aside. */
async function unarchive(
  engine: Engine,
  archived: ArchivedDistribution,
  key: string,
): Promise<RecordHandle<DistributionRecord>> {
  const handle = await createRecord(
    engine.store,
    recordPath.distribution(archived.kms, key),
    activate(archived.record),
  )
  await deleteArchived(engine, archived)
  return handle
}
