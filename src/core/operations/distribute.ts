import { KeymgmtError } from '../../errors.js'
import type { Protection, Purpose } from '../../kms/kms-key.js'
import { kindOf, type Engine } from '../engine.js'
import { interruptionOf, type Interruption } from '../reconcile/interruption.js'
import { reconcileOne } from '../reconcile/reconcile.js'
import { resumableDistributions } from '../reconcile/resume.js'
import { activated } from '../records/activated.js'
import { assertAgree } from '../records/agreement.js'
import { checkCustomAlias } from '../records/alias-names.js'
import { freeName } from '../records/distribution-name.js'
import { withoutKmsKeysIn, withRegions } from '../records/dropped-regions.js'
import {
  isSameSetting,
  requestedExpiry,
  withExpiry,
  type ExpiryRequest,
} from '../records/expiry.js'
import type { KeySetting } from '../records/key-settings.js'
import { withKeyLock, withProviderLock } from '../records/locks.js'
import {
  recordPath,
  without,
  type DistributionRecord,
  type KeyRecord,
  type Rotation,
} from '../records/model.js'
import { createRecord, openRecord } from '../records/record.js'
import {
  readDistribution,
  readKey,
  requireDistribution,
  requireKey,
  requireProvider,
  type NamedDistribution,
} from '../records/repository.js'
import { assertAliasFree } from './custom-alias.js'
import {
  assertNoLockout,
  changeSettings,
  requestedSettings,
  type KeySettingsRequest,
} from './key-settings.js'
import { assertActive, assertSame, type WantedDistribution } from './present-distribution.js'
import { reactivate } from './remove.js'
import { assertDeleted, assertOtherRegion, assertReplicaRegions } from './replica-regions.js'
import { reportDropped, reportSkippedReplicas } from './report-skipped.js'
import { assertRotation } from './rotation.js'

/**
 * The settings of a distribution. Without an expiry here, an existing distribution keeps its own.
 */
export interface DistributionRequest extends ExpiryRequest, KeySettingsRequest {
  /** The purposes of the KMS keys. They can't be changed. Only a new distribution needs them. */
  readonly purpose?: readonly Purpose[] | undefined
  /** The protection of the KMS keys. AWS KMS has only `hsm`. */
  readonly protection: Protection
  /** True if each version also gets its own alias; undefined leaves this unchanged. */
  readonly versionAliases?: boolean | undefined
  /**
   * An additional alias, such as `alias/payments/app`. An empty text removes it; undefined leaves
   * it unchanged.
   */
  readonly customAlias?: string | undefined
  /**
   * Days until AWS deletes a KMS key of the distribution, 7 to 30, if the command does not say. 0
   * is the default of keymgmt; undefined leaves this unchanged.
   */
  readonly deletionWindow?: number | undefined
  /** The kind of rotation, which can't be changed. The default of a new distribution is `alias`. */
  readonly rotation?: Rotation | undefined
}

/**
 * Imports every version of the key into the KMS, and points the alias to the latest. Does nothing
 * if that is already done, and finishes the work after an interruption. If AWS still has the KMS
 * keys of an earlier distribution for the same purpose, restores them instead of creating new ones.
 * @throws KeymgmtError KEY_NOT_FOUND, KMS_NOT_FOUND, UNSUPPORTED_BY_KMS, FIELD_INVALID,
 * FIELD_MISSING, DISTRIBUTION_DIFFERS; errors of the KMS.
 */
export async function distribute(
  engine: Engine,
  providerName: string,
  key: string,
  request: DistributionRequest,
): Promise<void> {
  const requested = requestedExpiry(request, engine.now())
  const { versionAliases, customAlias } = request
  const alias = customAlias === undefined ? undefined : checkCustomAlias(customAlias)
  const purpose = `write keymgmt/kms/${providerName}/key/${key}`
  await withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const provider = await requireProvider(engine, providerName)
    const existing = await readDistribution(engine, providerName, key)
    const wanted = {
      ...request,
      requested,
      purpose: wantedPurpose(request, existing),
      settings: await requestedSettings(engine, provider, request),
    }
    await kindOf(engine, provider).assertSupported(
      record.current.type,
      wanted.purpose,
      wanted.protection,
      provider.keyCollection,
    )
    if (existing) assertAgree(record.current, providerName, existing)
    await assertRotation(engine, provider, record.current, wanted, existing)
    if (existing) assertSame(existing, wanted, providerName, key)
    if (alias !== undefined && alias !== existing?.customAlias)
      await assertAliasFree(engine, provider, record.current, alias, existing)
    await assertNoLockout(engine, provider, wanted.settings, existing)
    if (existing?.state === 'removed') await takeBackRemoval(engine, providerName, record.current)
    const others = await resumableDistributions(engine, record.current, providerName)
    const named = await withProviderLock(engine.store, providerName, purpose, () =>
      claim(engine, providerName, record.current, wanted),
    )
    await setVersionAliases(named, versionAliases)
    if (customAlias !== undefined) await setCustomAlias(named, alias)
    await setDeletionWindow(named, request.deletionWindow)
    await reconcileOne(engine, record, named, others)
  })
}

/** Reverses an unfinished removal, as distributing the key again reverses a finished one. */
async function takeBackRemoval(
  engine: Engine,
  providerName: string,
  key: KeyRecord,
): Promise<void> {
  const distribution = await requireDistribution(engine, providerName, key.name)
  engine.notice(`Reversing the unfinished removal of ${key.name} from ${providerName}`)
  await distribution.update((current) => activated(current, key))
}

/**
 * Returns the present distribution, or else a removed one that can be restored, or else a new
 * record.
 */
async function claim(
  engine: Engine,
  providerName: string,
  key: KeyRecord,
  { purpose, protection, rotation = 'alias', requested, settings }: WantedDistribution,
): Promise<NamedDistribution> {
  const provider = await requireProvider(engine, providerName)
  const path = recordPath.distribution(providerName, key.name)
  const distribution =
    (await openRecord<DistributionRecord>(engine.store, path)) ??
    (await reactivate(engine, provider, key, { purpose, rotation }))
  if (distribution) {
    // Only a distribution that was removed can get another expiry.
    if (requested && !isSameSetting(requested.expiry, distribution.current.expiry))
      await distribution.update((current) => withExpiry(current, requested.expiry))
    await changeSettings({ providerName, distribution }, settings)
    return { providerName, distribution }
  }
  return createDistribution(engine, providerName, key, {
    ...requested,
    ...settings,
    purpose,
    protection,
    ...(rotation === 'in_place' && { rotation }),
    regions: [provider.keyCollection],
    kmsKeys: [],
  })
}

/** Writes the record of a new, active distribution. */
export async function createDistribution(
  engine: Engine,
  providerName: string,
  key: KeyRecord,
  begun: Pick<
    DistributionRecord,
    'purpose' | 'protection' | 'rotation' | 'regions' | 'kmsKeys' | 'pinned' | 'expiry' | KeySetting
  >,
): Promise<NamedDistribution> {
  const now = engine.now()
  const distribution = await createRecord<DistributionRecord>(
    engine.store,
    recordPath.distribution(providerName, key.name),
    {
      name: await freeName(engine, key.name),
      keyId: key.id,
      distributionTime: now.toISOString(),
      ...begun,
      state: 'active',
      aliases: [],
    },
  )
  return { providerName, distribution }
}

async function setVersionAliases(
  { distribution }: NamedDistribution,
  wanted: boolean | undefined,
): Promise<void> {
  const { versionAliases = false } = distribution.current
  if (wanted === undefined || wanted === versionAliases) return
  await distribution.update((current) => ({ ...current, versionAliases: wanted }))
}

async function setCustomAlias(
  { distribution }: NamedDistribution,
  wanted: string | undefined,
): Promise<void> {
  if (wanted === distribution.current.customAlias) return
  await distribution.update((current) => ({
    ...without(current, 'customAlias'),
    ...(wanted !== undefined && { customAlias: wanted }),
  }))
}

async function setDeletionWindow(
  { distribution }: NamedDistribution,
  days: number | undefined,
): Promise<void> {
  if (days === undefined || days === (distribution.current.deletionWindow ?? 0)) return
  await distribution.update((current) => ({
    ...without(current, 'deletionWindow'),
    ...(days > 0 && { deletionWindow: days }),
  }))
}

/** @throws KeymgmtError FIELD_MISSING for a new distribution without a purpose. */
function wantedPurpose(
  { purpose }: DistributionRequest,
  existing: DistributionRecord | undefined,
): readonly Purpose[] {
  if (purpose && purpose.length > 0) return [...new Set(purpose)].sort()
  if (existing && existing.state !== 'removed') return existing.purpose
  throw new KeymgmtError('FIELD_MISSING', 'missing required parameter "purpose"', {
    hints: [
      'a new distribution needs its uses, a comma-separated list such as purpose=encrypt,decrypt',
    ],
  })
}

/** Returns the kind of the unfinished command on the distribution; undefined if there is none. */
export async function readInterruption(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<Interruption | undefined> {
  const [record, distribution] = await Promise.all([
    readKey(engine, key),
    readDistribution(engine, providerName, key),
  ])
  return record && distribution && interruptionOf(record, distribution)
}

/**
 * Replicates every version, present and future, to the key's `replica_regions`. Skips a dropped
 * Region unless `added` names it. With `added`, adds only those Regions.
 * @throws KeymgmtError NO_REPLICA_REGIONS, FIELD_INVALID, KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND;
 * DISTRIBUTION_DIFFERS if it is revoked or its removal did not finish; errors of the KMS.
 */
export async function replicate(
  engine: Engine,
  providerName: string,
  key: string,
  added?: readonly string[],
): Promise<void> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/replicate`
  await withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    assertReplicaRegions(record.current, added)
    const distribution = await requireDistribution(engine, providerName, key)
    assertActive(record.current, providerName, distribution.current)
    const others = await resumableDistributions(engine, record.current, providerName)
    const { keyCollection } = await requireProvider(engine, providerName)
    const { regions, droppedRegions } = distribution.current
    const wanted = [
      ...new Set([
        keyCollection,
        ...regions,
        ...(added ?? excluding(record.current.replicaRegions, droppedRegions)),
      ]),
    ]
    if (wanted.length === 1) assertOtherRegion(record.current, providerName, keyCollection)
    const joining = excluding(wanted, regions)
    assertDeleted(engine, record.current, { providerName, distribution }, joining)
    if (joining.length > 0)
      await distribution.update((current) =>
        withRegions(withoutKmsKeysIn(current, joining), wanted),
      )
    if (!added) reportDropped(engine, key, { providerName, distribution })
    reportSkippedReplicas(engine, record.current, { providerName, distribution })
    await reconcileOne(engine, record, { providerName, distribution }, others)
  })
}

function excluding(regions: readonly string[], excluded: readonly string[] = []): string[] {
  return regions.filter((region) => !excluded.includes(region))
}
