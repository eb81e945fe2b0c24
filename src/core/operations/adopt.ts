import { KeymgmtError } from '../../errors.js'
import type { KmsKey, KmsKeyStatus, KmsProvider } from '../../kms/provider.js'
import { createDistribution } from './distribute.js'
import type { Engine } from '../engine.js'
import { withKeyLock } from './keys.js'
import { openRecord } from '../records/record.js'
import { requireKey, type NamedDistribution } from '../records/repository.js'
import { kindOf, openProvider, withProviderLock } from './providers.js'
import {
  recordPath,
  type CopyRecord,
  type DistributionRecord,
  type KeyRecord,
  type KmsRecord,
} from '../records/model.js'
import { reconcile } from '../reconcile/reconcile.js'
import { readMaterial } from '../reconcile/context.js'

/** What `write keymgmt/kms/:name/key/:key/adopt` says. */
export interface Adoption {
  /** Id or ARN of the KMS key, in the provider's Region. */
  readonly key_id: string
  /** The version of our key whose material it holds. */
  readonly version: number
}

/**
 * Takes a KMS key that is there already into a new distribution, as the KMS key of one version:
 * after it was proven to hold that version's material. Other versions are distributed beside it,
 * and the alias is made. Asking again for a KMS key that was adopted finishes what was interrupted.
 * @throws KeymgmtError KEY_NOT_FOUND, KMS_NOT_FOUND, DISTRIBUTION_DIFFERS, FIELD_INVALID for a KMS
 * key of another kind, KMS_MATERIAL_DIFFERS; nothing is changed then. Errors of the KMS.
 */
export async function adopt(
  engine: Engine,
  kms: string,
  key: string,
  adoption: Adoption,
): Promise<void> {
  const purpose = `write keymgmt/kms/${kms}/key/${key}/adopt`
  await withKeyLock(engine.store, key, purpose, async () => {
    const record = (await requireKey(engine, key)).current
    const placed = await withProviderLock(engine, kms, purpose, (provider) =>
      claim(engine, kms, provider, record, adoption),
    )
    await reconcile(engine, record, placed)
  })
}

async function claim(
  engine: Engine,
  kms: string,
  provider: KmsRecord,
  key: KeyRecord,
  { key_id, version }: Adoption,
): Promise<NamedDistribution> {
  const path = recordPath.distribution(kms, key.name)
  const existing = await openRecord<DistributionRecord>(engine.store, path)
  if (existing && isAdopted(existing.current, provider, key_id, version))
    return { kms, handle: existing }
  if (existing) {
    throw new KeymgmtError('DISTRIBUTION_DIFFERS', `${key.name} is distributed to ${kms} already`, {
      hints: ['adopt the KMS key under another key of the same material'],
    })
  }
  if (version < 1 || version > key.latest_version) {
    throw new KeymgmtError('FIELD_INVALID', `${key.name} has no version ${version}`, {
      hints: [`give 1 to ${key.latest_version}`],
    })
  }
  const opened = await openProvider(engine, provider)
  const status = await inspect(opened, provider, key, key_id)
  await kindOf(engine, provider).assertSupported(
    key.type,
    status.purpose,
    'hsm',
    provider.key_collection,
  )
  await prove(engine, opened, key, version, status)
  return createDistribution(engine, kms, key, {
    purpose: status.purpose,
    protection: 'hsm',
    regions: status.multiRegion?.regions ?? [provider.key_collection],
    copies: { [version]: { [provider.key_collection]: adoptedCopy(status, engine.now()) } },
  })
}

/** Asked for again, be it after an interruption, there is nothing to prove any more. */
function isAdopted(
  { copies, state }: DistributionRecord,
  { key_collection }: KmsRecord,
  keyId: string,
  version: number,
): boolean {
  const known = copies[version]?.[key_collection]?.key
  return state === 'active' && known !== undefined && (known.id === keyId || known.arn === keyId)
}

type Adoptable = KmsKeyStatus & Pick<DistributionRecord, 'purpose'>

/** The KMS key as AWS has it, if it is one that `key` can have made. */
async function inspect(
  provider: KmsProvider,
  { key_collection }: KmsRecord,
  key: KeyRecord,
  keyId: string,
): Promise<Adoptable> {
  const status = await provider.inspect(key_collection, { id: keyId, arn: '' })
  if (!status)
    throw new KeymgmtError('KMS_KEY_NOT_FOUND', `there is no KMS key ${keyId} in ${key_collection}`)
  const unfit = (problem: string, hint: string) =>
    new KeymgmtError('FIELD_INVALID', `KMS key ${status.key.id} ${problem}`, { hints: [hint] })
  if (!status.external)
    throw unfit(
      'has material that AWS made',
      'only KMS keys with imported material (Origin EXTERNAL) can be adopted',
    )
  if (status.kind?.type !== key.type)
    throw unfit(
      `is not of type ${key.type}`,
      `it is ${status.kind?.type ?? 'of a kind that keymgmt does not have'}`,
    )
  if (status.state !== 'enabled' && status.state !== 'disabled')
    throw unfit(`is ${status.state}`, 'it must be enabled or disabled, with its material in it')
  const replicas = (status.multiRegion?.regions ?? []).filter((region) => region !== key_collection)
  if (replicas.length > 0)
    throw unfit(
      `has replicas in ${replicas.join(', ')}`,
      'a multi-Region KMS key can be adopted as long as it has none',
    )
  if ((status.multiRegion !== undefined) !== key.replica_regions.length > 0) {
    throw unfit(
      status.multiRegion ? 'is a multi-Region key' : 'is a single-Region key',
      `the key ${key.name} ${key.replica_regions.length > 0 ? 'has' : 'has no'} replica_regions`,
    )
  }
  return { ...status, purpose: status.kind.purpose }
}

async function prove(
  engine: Engine,
  provider: KmsProvider,
  key: KeyRecord,
  version: number,
  { key: kmsKey, state }: KmsKeyStatus,
): Promise<void> {
  const material = await readMaterial({ engine, key }, version)
  try {
    const held = await provider.holds(provider.region, kmsKey, key.type, material)
    if (held ?? (await provider.accepts(provider.region, kmsKey, key.type, material))) return
  } finally {
    material.fill(0)
  }
  throw new KeymgmtError(
    'KMS_MATERIAL_DIFFERS',
    `KMS key ${kmsKey.id} (${state}) does not hold version ${version} of ${key.name}`,
    {
      hints: [
        'nothing was changed; import the material that it was made with first: keymgmt write keymgmt/key/NAME/import material=@file',
      ],
    },
  )
}

/** It lacks our tags, and it may be enabled or not: the first plan sees to both. */
function adoptedCopy({ key, state, materialId }: KmsKeyStatus, now: Date): CopyRecord {
  return {
    operation_id: '',
    begun: now.toISOString(),
    key: { id: key.id, arn: key.arn } satisfies KmsKey,
    imported: true,
    ...(materialId && { material_id: materialId }),
    enabled: state === 'enabled',
    untagged: true,
  }
}
