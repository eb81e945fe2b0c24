import { KeymgmtError } from '../../errors.js'
import type { Protection, Purpose } from '../../kms/provider.js'
import { distributionName } from '../records/alias-names.js'
import type { Engine } from '../engine.js'
import { withKeyLock } from './keys.js'
import { createRecord, openRecord } from '../records/record.js'
import {
  readDistribution,
  readKey,
  requireDistribution,
  requireKey,
  requireProvider,
  type NamedDistribution,
} from '../records/repository.js'
import { isUnfinished } from '../reconcile/plan.js'
import { kindOf, withProviderLock } from './providers.js'
import {
  recordPath,
  type DistributionRecord,
  type KeyRecord,
  type KmsRecord,
} from '../records/model.js'
import { reactivate } from './remove.js'
import { resumeUnfinished, reconcile } from '../reconcile/reconcile.js'

/** What `write keymgmt/kms/:name/key/:key` says. */
export interface DistributionRequest {
  readonly purpose: readonly Purpose[]
  readonly protection: Protection
  /**
   * Whether each version gets an alias of its own as well; left as it is where this is not said.
   */
  readonly version_aliases?: boolean | undefined
}

/**
 * Puts every version of the key into the KMS and points the alias at the latest. Asking again for
 * what is so already does nothing; asking again after an interruption finishes it. While AWS still
 * has the KMS keys of an earlier distribution for the same purpose, those are brought back instead
 * of making others.
 * @throws KeymgmtError KEY_NOT_FOUND, KMS_NOT_FOUND, UNSUPPORTED_BY_KMS, DISTRIBUTION_DIFFERS;
 * errors of the KMS.
 */
export async function distribute(
  engine: Engine,
  kms: string,
  key: string,
  request: DistributionRequest,
): Promise<void> {
  const wanted = { ...request, purpose: [...new Set(request.purpose)].sort() }
  const purpose = `write keymgmt/kms/${kms}/key/${key}`
  await withKeyLock(engine.store, key, purpose, async () => {
    const handle = await requireKey(engine, key)
    const provider = await requireProvider(engine, kms)
    await kindOf(engine, provider).assertSupported(
      handle.current.type,
      wanted.purpose,
      wanted.protection,
      provider.key_collection,
    )
    const existing = await openRecord<DistributionRecord>(
      engine.store,
      recordPath.distribution(kms, key),
    )
    if (existing) assertSame(existing.current, wanted, kms, key)
    await resumeUnfinished(engine, handle)
    const placed = await withProviderLock(engine, kms, purpose, (current) =>
      claim(engine, kms, current, handle.current, wanted),
    )
    const { version_aliases } = wanted
    if (
      version_aliases !== undefined &&
      version_aliases !== (placed.handle.current.version_aliases ?? false)
    ) {
      await placed.handle.update((current) => ({ ...current, version_aliases }))
    }
    await reconcile(engine, handle.current, placed)
  })
}

/** What there is, what there was, or a new record: in this order. */
async function claim(
  engine: Engine,
  kms: string,
  provider: KmsRecord,
  key: KeyRecord,
  request: DistributionRequest,
): Promise<NamedDistribution> {
  const path = recordPath.distribution(kms, key.name)
  const existing =
    (await openRecord<DistributionRecord>(engine.store, path)) ??
    (await reactivate(engine, kms, key, request.purpose))
  if (existing) return { kms, handle: existing }
  const { purpose, protection } = request
  return createDistribution(engine, kms, key, {
    purpose,
    protection,
    regions: [provider.key_collection],
    copies: {},
  })
}

/** Writes the record of a distribution that begins now, and is to be usable. */
export async function createDistribution(
  engine: Engine,
  kms: string,
  key: KeyRecord,
  begun: Pick<DistributionRecord, 'purpose' | 'protection' | 'regions' | 'copies'>,
): Promise<NamedDistribution> {
  const now = engine.now()
  const handle = await createRecord<DistributionRecord>(
    engine.store,
    recordPath.distribution(kms, key.name),
    {
      name: distributionName(key.name, now),
      key_id: key.id,
      distribution_time: now.toISOString(),
      ...begun,
      state: 'active',
      aliases: {},
    },
  )
  return { kms, handle }
}

function assertSame(
  { state, purpose, protection }: DistributionRecord,
  request: DistributionRequest,
  kms: string,
  key: string,
): void {
  if (state === 'revoked') {
    throw new KeymgmtError(
      'DISTRIBUTION_DIFFERS',
      'it is distributed, and its material is revoked',
      {
        hints: [`bring the material back: keymgmt write -f keymgmt/kms/${kms}/key/${key}/restore`],
      },
    )
  }
  // One whose removal was not finished is finished first, and then brought back.
  const kept = `purpose=${purpose.join(',')} protection=${protection}`
  if (
    state === 'removed' ||
    kept === `purpose=${request.purpose.join(',')} protection=${request.protection}`
  )
    return
  throw new KeymgmtError(
    'DISTRIBUTION_DIFFERS',
    `it is distributed already, with ${kept}, which can't be changed`,
    {
      hints: [
        'to change it, remove the distribution first; mind that AWS cannot bring back a deleted KMS key',
      ],
    },
  )
}

/** Whether an earlier command on the distribution was interrupted. */
export async function isInterrupted(engine: Engine, kms: string, key: string): Promise<boolean> {
  const [record, distribution] = await Promise.all([
    readKey(engine, key),
    readDistribution(engine, kms, key),
  ])
  return record !== undefined && distribution !== undefined && isUnfinished(record, distribution)
}

/**
 * Puts every version into the key's `replica_regions` as well, now and whenever it is rotated.
 * @throws KeymgmtError NO_REPLICA_REGIONS, KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; errors of the
 * KMS.
 */
export async function replicate(engine: Engine, kms: string, key: string): Promise<void> {
  await withKeyLock(
    engine.store,
    key,
    `write keymgmt/kms/${kms}/key/${key}/replicate`,
    async () => {
      const handle = await requireKey(engine, key)
      if (handle.current.replica_regions.length === 0) {
        throw new KeymgmtError('NO_REPLICA_REGIONS', `key ${key} does not have replica_regions`, {
          hints: [
            'they are set when a key is made: keymgmt write keymgmt/key/NAME type=aes256-gcm96 replica_regions=us-east-1,eu-west-1',
          ],
        })
      }
      await requireDistribution(engine, kms, key)
      await resumeUnfinished(engine, handle)
      const distribution = await requireDistribution(engine, kms, key)
      const { key_collection } = await requireProvider(engine, kms)
      const regions = [...new Set([key_collection, ...handle.current.replica_regions])]
      if (regions.length !== distribution.current.regions.length)
        await distribution.update((current) => ({ ...current, regions }))
      await reconcile(engine, handle.current, { kms, handle: distribution })
    },
  )
}
