import { KeymgmtError } from '../../errors.js'
import type { KmsKey } from '../../kms/kms-key.js'
import { withStale, type KeySetting } from '../records/key-settings.js'
import { putKmsKey } from '../records/kms-keys.js'
import type { CreatedKmsKey, CreatingKmsKey } from '../records/model.js'
import { assertCreatedInAccount, placeOf } from './account.js'
import { recordState, type ReconcileContext } from './context.js'
import { materialsToImport } from './new-material.js'
import { undoCreation } from './surplus.js'

/**
 * Records a KMS key that AWS has created. The first one pins the account of the distribution. If
 * its request may be older than the settings of the distribution, they are marked as `stale`.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS
 */
export async function recordCreated(
  context: ReconcileContext,
  entry: CreatingKmsKey,
  key: KmsKey,
  stale: readonly KeySetting[] = [],
): Promise<void> {
  await assertCreatedInAccount(context, entry.region, key)
  const place = await placeOf(context, key)
  await recordState(context, (current) =>
    putKmsKey(
      { ...current, ...(place && { pinned: current.pinned ?? place }) },
      withStale(created(context, entry, key), stale),
    ),
  ).catch((error: unknown) => {
    if (!(error instanceof KeymgmtError) || error.code !== 'STORE_CONFLICT') throw error
    return undoCreation(context, entry, key, error)
  })
}

/**
 * Returns the entry of a KMS key that AWS has created. AWS enables it as soon as it has its
 * material. The state of one whose material is not in this store is unknown.
 */
export function created(
  context: ReconcileContext,
  { version, region, operationId }: CreatingKmsKey,
  key: KmsKey,
): CreatedKmsKey {
  const materials = materialsToImport(context, version)
  return {
    version,
    region,
    state: 'created',
    key,
    operationId,
    materials,
    ...(materials.length > 0 && { enabled: true }),
  }
}
