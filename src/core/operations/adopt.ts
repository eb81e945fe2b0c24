import { KeymgmtError } from '../../errors.js'
import { regionIn, STORE_TAG, type KmsKeyStatus } from '../../kms/kms-key.js'
import type { KmsProvider } from '../../kms/provider.js'
import { kindOf, openProvider, type Engine } from '../engine.js'
import { assertPlace, placeOf } from '../reconcile/account.js'
import { reconcile } from '../reconcile/reconcile.js'
import { assertAgree } from '../records/agreement.js'
import { createdKmsKeyAt } from '../records/kms-keys.js'
import { withAdoptionLock, withKeyLock, withProviderLock } from '../records/locks.js'
import {
  recordPath,
  without,
  type CreatedKmsKey,
  type DistributionRecord,
  type ForgottenDistribution,
  type KeyRecord,
  type KmsKeyPlace,
  type KmsRecord,
  type Rotation,
} from '../records/model.js'
import { ownedError, ownerOf } from '../records/owner.js'
import { openRecord, type RecordHandle } from '../records/record.js'
import { assertUntrimmed } from '../records/trimmed.js'
import { requireKey, requireProvider, type NamedDistribution } from '../records/repository.js'
import { proveMaterials } from './adopt-material.js'
import { createDistribution } from './distribute.js'

/** The KMS key to adopt. */
export interface Adoption {
  /** Id or ARN of the KMS key, in the provider's Region. */
  readonly kmsKeyId: string
  /** The version of the key whose material it has. */
  readonly version: number
  /** True to adopt it even if its tags name another store, or can't be read. */
  readonly takeOver?: boolean | undefined
  /**
   * True to make expiring material permanent, by importing it again. By default, it keeps its
   * expiry.
   */
  readonly allowPermanent?: boolean | undefined
  /**
   * With `in_place`, the KMS key gets all later versions too, and may already have several, oldest
   * first, starting with `version`. The default is `alias`.
   */
  readonly rotation?: Rotation | undefined
}

/**
 * Adopts an existing KMS key as the KMS key of one version in a new distribution, after AWS has
 * proven that it has that version's material. Then distributes the other versions, and creates the
 * alias. If the KMS key is already adopted, finishes interrupted work.
 * @throws KeymgmtError KEY_NOT_FOUND, KMS_NOT_FOUND, DISTRIBUTION_DIFFERS, FIELD_INVALID for a KMS
 * key of another kind, that seals the store, or that another distribution or another store has;
 * KMS_MATERIAL_DIFFERS; nothing is changed then. Errors of the KMS.
 */
export async function adopt(
  engine: Engine,
  providerName: string,
  key: string,
  adoption: Adoption,
): Promise<void> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/adopt`
  await withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const named = await withProviderLock(engine.store, providerName, purpose, () =>
      withAdoptionLock(engine.store, purpose, () =>
        claim(engine, providerName, record.current, adoption),
      ),
    )
    await dropForgotten(record, named)
    await reconcile(engine, record, named)
  })
}

/** Drops the adopted KMS keys from the forgotten ones of the key: a distribution has them again. */
async function dropForgotten(
  key: RecordHandle<KeyRecord>,
  { distribution }: NamedDistribution,
): Promise<void> {
  const { forgotten = [] } = key.current
  const left = forgotten
    .map((each) => ({
      ...each,
      kmsKeys: each.kmsKeys.filter(
        (entry) =>
          entry.state === 'creating' ||
          createdKmsKeyAt(distribution.current, entry.version, entry.region)?.key.id !==
            entry.key.id,
      ),
    }))
    .filter(({ kmsKeys }) => kmsKeys.length > 0)
  if (countKmsKeys(left) === countKmsKeys(forgotten)) return
  await key.update((current) => ({
    ...without(current, 'forgotten'),
    ...(left.length > 0 && { forgotten: left }),
  }))
}

const countKmsKeys = (forgotten: readonly ForgottenDistribution[]) =>
  forgotten.flatMap(({ kmsKeys }) => kmsKeys).length

async function claim(
  engine: Engine,
  providerName: string,
  key: KeyRecord,
  adoption: Adoption,
): Promise<NamedDistribution> {
  const provider = await requireProvider(engine, providerName)
  const place = { version: adoption.version, region: provider.keyCollection }
  const path = recordPath.distribution(providerName, key.name)
  const existing = await openRecord<DistributionRecord>(engine.store, path)
  if (existing) assertAgree(key, providerName, existing.current)
  if (existing && isAdopted(existing.current, place, adoption))
    return { providerName, distribution: existing }
  if (existing) {
    throw new KeymgmtError(
      'DISTRIBUTION_DIFFERS',
      `${key.name} is already distributed to ${providerName}`,
      { hints: ['import the same material as another key, and adopt the KMS key there'] },
    )
  }
  assertVersion(key, adoption.version)
  assertRegion(provider, adoption.kmsKeyId)
  const opened = await openProvider(engine, provider)
  const status = await inspect(engine, opened, provider, key, adoption.kmsKeyId)
  const kind = kindOf(engine, provider)
  await kind.assertSupported(key.type, status.purpose, 'hsm', place.region)
  if (adoption.rotation === 'in_place') await kind.assertRotatable(key.type)
  await assertUnowned(engine, opened, adoption, status)
  const entry: CreatedKmsKey = {
    ...place,
    state: 'created',
    key: status.key,
    materials: [],
    enabled: status.state === 'enabled',
    staleSettings: ['tags'],
  }
  const pinned = await placeOf({ provider: opened }, status.key)
  const record = { kmsKeys: [entry], ...(pinned && { pinned }) }
  await assertPlace({ key: key.name, providerName, record, provider: opened })
  const named = { name: providerName, provider: opened }
  const proven = await proveMaterials(engine, named, key, adoption, status)
  return createDistribution(engine, providerName, key, {
    ...record,
    ...(adoption.rotation === 'in_place' && { rotation: adoption.rotation }),
    purpose: status.purpose,
    protection: 'hsm',
    regions: status.multiRegion?.regions ?? [place.region],
    kmsKeys: [{ ...entry, ...proven }],
  })
}

/** True if this KMS key is already adopted. It needs no further proof. */
function isAdopted(
  record: DistributionRecord,
  place: KmsKeyPlace,
  { kmsKeyId, rotation = 'alias' }: Adoption,
): boolean {
  if ((record.rotation ?? 'alias') !== rotation) return false
  const known = createdKmsKeyAt(record, place.version, place.region)?.key
  return record.state === 'active' && (known?.id === kmsKeyId || known?.arn === kmsKeyId)
}

function assertVersion(key: KeyRecord, version: number): void {
  assertUntrimmed(key, version)
  if (version >= 1 && version <= key.latestVersion) return
  throw new KeymgmtError('FIELD_INVALID', `${key.name} has no version ${version}`, {
    hints: [`use 1 to ${key.latestVersion}`],
  })
}

/** @throws KeymgmtError FIELD_INVALID for an ARN in a Region other than the provider's. */
function assertRegion({ name, keyCollection }: KmsRecord, kmsKeyId: string): void {
  const region = regionIn(kmsKeyId)
  if (region === undefined || region === keyCollection) return
  throw new KeymgmtError(
    'FIELD_INVALID',
    `the KMS key is in ${region}, and the provider ${name} is in ${keyCollection}`,
    { hints: [`adopt it in a provider whose key_collection is ${region}`] },
  )
}

type Adoptable = KmsKeyStatus & Pick<DistributionRecord, 'purpose'>

/**
 * Returns the state and purpose of the KMS key in AWS. Refuses one that `key` could not have
 * created.
 */
async function inspect(
  { sealKmsKeys }: Engine,
  provider: KmsProvider,
  { name, keyCollection }: KmsRecord,
  key: KeyRecord,
  kmsKeyId: string,
): Promise<Adoptable> {
  const status = await provider.inspect(keyCollection, kmsKeyId)
  if (!status)
    throw new KeymgmtError(
      'KMS_KEY_NOT_FOUND',
      `there is no KMS key ${kmsKeyId} in ${keyCollection}`,
      {
        hints: [
          `check key_id, the Region, and the account of the credentials: keymgmt read keymgmt/kms/${name}/identity`,
        ],
      },
    )
  const unfitError = (problem: string, hint: string) =>
    new KeymgmtError('FIELD_INVALID', `KMS key ${status.key.id} ${problem}`, { hints: [hint] })
  if ((await sealKmsKeys()).includes(status.key.arn))
    throw unfitError(
      'seals this store',
      'opening the store must not depend on a KMS key that it manages',
    )
  if (!status.external)
    throw unfitError(
      'has material that AWS generated',
      'only KMS keys with imported material (Origin EXTERNAL) can be adopted',
    )
  if (status.kind?.type !== key.type)
    throw unfitError(
      `is not of type ${key.type}`,
      `it is of ${status.kind ? `type ${status.kind.type}` : 'a type that keymgmt does not have'}`,
    )
  if (status.state !== 'enabled' && status.state !== 'disabled')
    throw unfitError(
      `is ${status.state}`,
      'it must be enabled or disabled, and contain its material',
    )
  const replicas = (status.multiRegion?.regions ?? []).filter((region) => region !== keyCollection)
  if (replicas.length > 0)
    throw unfitError(
      `has replicas in ${replicas.join(', ')}`,
      'a multi-Region KMS key can be adopted only without replicas',
    )
  if ((status.multiRegion !== undefined) !== key.replicaRegions.length > 0) {
    throw unfitError(
      status.multiRegion ? 'is a multi-Region key' : 'is a single-Region key',
      `the key ${key.name} ${key.replicaRegions.length > 0 ? 'has' : 'has no'} replica_regions`,
    )
  }
  return { ...status, purpose: status.kind.purpose }
}

/**
 * A KMS key has one owner: with two, the removal of one distribution would schedule the deletion of
 * the other's KMS key.
 */
async function assertUnowned(
  engine: Engine,
  provider: KmsProvider,
  { takeOver = false }: Adoption,
  { key }: KmsKeyStatus,
): Promise<void> {
  const owner = await ownerOf(engine, key.id)
  if (owner) throw ownedError(key.id, owner)
  if (takeOver) return
  const store = (await provider.tagsOf(provider.region, key))[STORE_TAG]
  if (store === undefined || store === (await engine.store.id())) return
  throw new KeymgmtError(
    'FIELD_INVALID',
    `KMS key ${key.id} belongs to another keymgmt store, according to its tag ${STORE_TAG}=${store}`,
    {
      hints: [
        'first drop it from that store: a removal there schedules the deletion of this KMS key',
        'if that store no longer exists, adopt it with take_over=true',
      ],
    },
  )
}
