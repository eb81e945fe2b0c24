import { KeymgmtError } from '../../errors.js'
import type { Purpose } from '../../kms/kms-key.js'
import type { Engine } from '../engine.js'
import { takedownError, withWaysForward } from '../reconcile/interruption.js'
import { findArchived } from '../reconcile/find-archived.js'
import { assertIncludesNewest } from '../reconcile/newer.js'
import { isSettingStep } from '../reconcile/plan-settings.js'
import { reconcile, reconcileKey } from '../reconcile/reconcile.js'
import { agreeingDistributions, workableDistributions } from '../reconcile/resume.js'
import { assertReplicasRecorded } from '../reconcile/unrecorded-replicas.js'
import { activated } from '../records/activated.js'
import { assertAgree } from '../records/agreement.js'
import {
  archivedOf,
  deleteArchived,
  unarchive,
  type ArchivedDistribution,
} from '../records/archive.js'
import { createdKmsKeys } from '../records/kms-keys.js'
import { restorableRegions, withRestored } from '../records/dropped-regions.js'
import { withKeyLock } from '../records/locks.js'
import {
  recordPath,
  type DistributionRecord,
  type KeyRecord,
  type KmsRecord,
  type Rotation,
} from '../records/model.js'
import { openRecord, type RecordHandle } from '../records/record.js'
import { withoutTrimmed } from '../records/trimmed.js'
import { readLastUse, type KmsKeyUse } from './last-use.js'
import { requireDistribution, requireKey, requireProvider } from '../records/repository.js'

/** A KMS key whose deletion was scheduled, with the date if AWS has set one. */
export interface ScheduledDeletion extends KmsKeyUse {
  /** Date of the deletion, in RFC 3339. */
  readonly date: string | undefined
}

/**
 * Deletes the alias and schedules every KMS key for deletion in `days` days (7 to 30; by default,
 * the waiting period of the distribution). The key, its
 * material and the record stay in the store, so that {@link restoreDistribution} can reverse this
 * until AWS has deleted the last KMS key. Does nothing if the key is not distributed.
 * @returns the scheduled deletions; empty if there was nothing to remove.
 * @throws KeymgmtError KEY_NOT_FOUND; STORE_OUTDATED if the alias names a KMS key, or AWS has a
 * replica, that this store does not know; errors of the KMS, after which the same call resumes the
 * work.
 */
export async function removeDistribution(
  engine: Engine,
  providerName: string,
  key: string,
  days?: number,
): Promise<readonly ScheduledDeletion[]> {
  const purpose = `delete keymgmt/kms/${providerName}/key/${key}`
  return withKeyLock(engine.store, key, purpose, async () => {
    const distribution = await openDistribution(engine, providerName, key)
    if (!distribution) return []
    const uses = await readLastUse(engine, providerName, createdKmsKeys(distribution.current))
    const record = await requireKey(engine, key)
    assertAgree(record.current, providerName, distribution.current)
    // Do not finish other unfinished work first: it may be what fails, and the removal must work
    // anyway.
    if (distribution.current.state !== 'removed') {
      await assertIncludesNewest(engine, record.current, { providerName, distribution })
      await assertReplicasRecorded(engine, record.current, { providerName, distribution })
      await distribution.update((current) => ({
        // An unfinished revocation may have deleted more material than is on record.
        ...(current.state === 'revoked' ? activated(current, record.current) : current),
        state: 'removed',
        ...(days !== undefined && { removalWindow: days }),
      }))
    }
    await withWaysForward('removal', providerName, key, () =>
      reconcile(engine, record, { providerName, distribution }),
    )
    return scheduledDeletions(providerName, distribution.current, uses)
  })
}

/** PURE: returns the deletions of the KMS keys that exist, with their last use. */
export function scheduledDeletions(
  providerName: string,
  record: DistributionRecord,
  uses: readonly KmsKeyUse[],
): ScheduledDeletion[] {
  return createdKmsKeys(record).map(({ version, region, key: { id }, deletion }) => ({
    version,
    region,
    providerName,
    kmsKeyId: id,
    use: uses.find((each) => each.region === region && each.kmsKeyId === id)?.use ?? {
      unknown: 'its creation was still unfinished',
    },
    date: deletion?.date,
  }))
}

/**
 * Deletes the material from every KMS key of the distribution. The KMS keys keep their ids, and
 * can't be used until {@link restoreDistribution} imports the same material again.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; DISTRIBUTION_DIFFERS if its removal
 * did not finish; STORE_OUTDATED if the alias names a KMS key, or AWS has a replica, that this
 * store does not know; errors of the KMS.
 */
export async function revokeDistribution(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<void> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/revoke`
  await withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const distribution = await requireDistribution(engine, providerName, key)
    assertAgree(record.current, providerName, distribution.current)
    if (distribution.current.state === 'removed') throw takedownError('removal', providerName, key)
    if (distribution.current.state === 'active') {
      await assertIncludesNewest(engine, record.current, { providerName, distribution })
      await assertReplicasRecorded(engine, record.current, { providerName, distribution })
      await distribution.update((current) => ({ ...current, state: 'revoked' }))
    }
    await withWaysForward('revocation', providerName, key, () =>
      reconcileKey(engine, record, [{ providerName, distribution }], {
        isRequested: (step) => !isSettingStep(step),
      }),
    )
  })
}

/**
 * Reverses a removal or a revocation: cancels the deletions, imports the material again, enables
 * the KMS keys, and creates the same alias again. If the distribution is active, does this in the
 * dropped Regions whose replicas AWS still has. KMS keys that AWS has deleted can't be restored.
 * @throws KeymgmtError DISTRIBUTION_NOT_FOUND if there is nothing to restore; KMS_KEY_NOT_FOUND if
 * AWS has deleted all of its KMS keys; errors of the KMS.
 */
export async function restoreDistribution(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<void> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/restore`
  await withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    await agreeingDistributions(engine, record.current)
    const distribution = await reopen(engine, providerName, record.current)
    if (distribution.current.state !== 'active')
      await distribution.update((current) => activated(current, record.current))
    else await bringBackRegions(engine, record.current, distribution)
    const distributions = await workableDistributions(engine, record.current)
    await reconcileKey(engine, record, distributions, {
      isRequested: (_step, named) => named.providerName === providerName,
    })
  })
}

async function bringBackRegions(
  { now }: Engine,
  key: KeyRecord,
  distribution: RecordHandle<DistributionRecord>,
): Promise<void> {
  const regions = restorableRegions(distribution.current, now())
  if (regions.length === 0) return
  await distribution.update((current) => withRestored(current, regions, key))
}

function openDistribution(
  { store }: Engine,
  providerName: string,
  key: string,
): Promise<RecordHandle<DistributionRecord> | undefined> {
  return openRecord<DistributionRecord>(store, recordPath.distribution(providerName, key))
}

async function reopen(
  engine: Engine,
  providerName: string,
  key: KeyRecord,
): Promise<RecordHandle<DistributionRecord>> {
  const existing = await openDistribution(engine, providerName, key.name)
  if (existing) return existing
  const [latest] = await archivedOf(engine, key, providerName)
  if (!latest) throw await nothingToRestoreError(engine, providerName, key.name)
  const found = await findArchived(engine, latest)
  if (found)
    return unarchive(
      engine,
      latest,
      key.name,
      activated(reportLost(engine, key, latest, found), key),
    )
  const purpose = latest.record.purpose.join(',')
  throw new KeymgmtError(
    'KMS_KEY_NOT_FOUND',
    `AWS has deleted the KMS keys of ${key.name} in ${providerName}`,
    {
      hints: [
        'nothing brings them back',
        `to distribute it with new KMS keys: keymgmt write keymgmt/kms/${providerName}/key/${key.name} purpose=${purpose}`,
      ],
    },
  )
}

/** Reports each KMS key that can't be restored. */
function reportLost(
  engine: Engine,
  key: KeyRecord,
  { providerName }: ArchivedDistribution,
  record: DistributionRecord,
): DistributionRecord {
  const { name } = key
  for (const entry of withoutTrimmed(key, record).kmsKeys) {
    if (entry.state !== 'lost') continue
    const { version, region } = entry
    const reason = `AWS no longer has KMS key ${entry.key.id}`
    const nextStep = 'ciphertext of it can no longer be decrypted'
    engine.notice(
      `Version ${version} of ${name} in ${region} can't come back: ${reason}; ${nextStep}`,
    )
    engine.outcome({
      provider: providerName,
      region,
      version,
      action: 'cancel-deletion',
      state: 'lost',
      reason,
      nextStep,
    })
  }
  return record
}

async function nothingToRestoreError(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<KeymgmtError> {
  await requireProvider(engine, providerName)
  return new KeymgmtError(
    'DISTRIBUTION_NOT_FOUND',
    `key "${key}" was not removed from ${providerName}: there is nothing to restore`,
    { hints: [`to list its providers: keymgmt list keymgmt/key/${key}/kms`] },
  )
}

/**
 * Returns the archived distribution of the key for the same purpose and kind of rotation, active
 * again, if AWS still has all of its KMS keys. Deletes archived distributions whose KMS keys AWS
 * has deleted.
 */
export async function reactivate(
  engine: Engine,
  provider: KmsRecord,
  key: KeyRecord,
  { purpose, rotation }: { readonly purpose: readonly Purpose[]; readonly rotation: Rotation },
): Promise<RecordHandle<DistributionRecord> | undefined> {
  for (const archived of await archivedOf(engine, key, provider.name)) {
    const { record, gone } = archived
    const isThere = record.regions[0] === provider.keyCollection
    if (!isThere || record.purpose.join() !== purpose.join()) continue
    if ((record.rotation ?? 'alias') !== rotation) continue
    const found = await findArchived(engine, archived)
    const isComplete = ({ kmsKeys }: DistributionRecord) =>
      kmsKeys.every(({ state }) => state === 'created')
    if (found && isComplete(withoutTrimmed(key, found))) {
      engine.notice(
        `Bringing back the KMS keys that were scheduled for deletion with ${record.name}`,
      )
      return unarchive(engine, archived, key.name, activated(found, key))
    }
    if (gone && !found) await deleteArchived(engine, archived)
  }
  return undefined
}
