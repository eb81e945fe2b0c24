import { KeymgmtError } from '../errors.js'
import type { Protection, Purpose } from '../kms/provider.js'
import { distributionName } from './aliases.js'
import { converge } from './converge.js'
import type { Engine } from './engine.js'
import { requireKey, withKeyLock } from './keys.js'
import { createLedger, openLedger, requireLedger, type Ledger } from './ledger.js'
import { kindOf, openProvider, requireProvider } from './providers.js'
import { encodeRecord, recordPath, type DistributionRecord, type KeyRecord } from './records.js'

/** What `write keymgmt/kms/:name/key/:key` says. */
export interface DistributionRequest {
  readonly purpose: readonly Purpose[]
  readonly protection: Protection
}

/**
 * Puts every version of the key into the KMS and points the alias at the latest. Asking again for what is so already
 * does nothing; asking again after an interruption finishes it.
 * @throws KeymgmtError KEY_NOT_FOUND, KMS_NOT_FOUND, UNSUPPORTED_BY_KMS, DISTRIBUTION_DIFFERS; errors of the KMS.
 */
export async function distribute(engine: Engine, kms: string, key: string, request: DistributionRequest): Promise<void> {
  await withKeyLock(engine.store, key, `write keymgmt/kms/${kms}/key/${key}`, async () => {
    const record = (await requireKey(engine, key)).current
    const ledger = await claim(engine, kms, record, { ...request, purpose: [...new Set(request.purpose)].sort() })
    await converge(engine, record, ledger, await openProvider(engine, await requireProvider(engine, kms)))
  })
}

/** The provider is locked while it is looked at and written under, so that it isn't deleted in between. */
async function claim(engine: Engine, kms: string, key: KeyRecord, request: DistributionRequest): Promise<Ledger<DistributionRecord>> {
  const lock = await engine.store.lock(recordPath.provider(kms), `write keymgmt/kms/${kms}/key/${key.name}`)
  try {
    const provider = await requireProvider(engine, kms)
    kindOf(engine, provider).assertSupported(key.type, request.purpose, request.protection)
    const path = recordPath.distribution(kms, key.name)
    const existing = await openLedger<DistributionRecord>(engine.store, path)
    if (existing) return assertSame(existing, request)
    const now = engine.now()
    return await createLedger<DistributionRecord>(engine.store, path, {
      name: distributionName(key.name, now),
      key_id: key.id,
      distribution_time: now.toISOString(),
      ...request,
      regions: [provider.key_collection],
      state: 'active',
      copies: {},
      aliases: {},
    })
  } finally {
    await lock.release()
  }
}

function assertSame(existing: Ledger<DistributionRecord>, request: DistributionRequest): Ledger<DistributionRecord> {
  const { state, purpose, protection } = existing.current
  if (state !== 'active') {
    throw new KeymgmtError('DISTRIBUTION_DIFFERS', 'its removal was begun and is not finished', {
      hints: ['run the delete again, then distribute'],
    })
  }
  const kept = `purpose=${purpose.join(',')} protection=${protection}`
  if (kept === `purpose=${request.purpose.join(',')} protection=${request.protection}`) return existing
  throw new KeymgmtError('DISTRIBUTION_DIFFERS', `it is distributed already, with ${kept}, which can't be changed`, {
    hints: ['to change it, remove the distribution first; mind that AWS cannot bring back a deleted KMS key'],
  })
}

/** The distribution, or undefined. */
export async function readDistribution(engine: Engine, kms: string, key: string): Promise<DistributionRecord | undefined> {
  return (await openLedger<DistributionRecord>(engine.store, recordPath.distribution(kms, key)))?.current
}

/**
 * Puts every version into the key's `replica_regions` as well, now and whenever it is rotated.
 * @throws KeymgmtError NO_REPLICA_REGIONS, KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; errors of the KMS.
 */
export async function replicate(engine: Engine, kms: string, key: string): Promise<void> {
  await withKeyLock(engine.store, key, `write keymgmt/kms/${kms}/key/${key}/replicate`, async () => {
    const record = (await requireKey(engine, key)).current
    if (record.replica_regions.length === 0) {
      throw new KeymgmtError('NO_REPLICA_REGIONS', `key ${key} does not have replica_regions`, {
        hints: ['they are set when a key is made: keymgmt write keymgmt/key/NAME type=aes256-gcm96 replica_regions=us-east-1,eu-west-1'],
      })
    }
    const ledger = await requireDistribution(engine, kms, key)
    const provider = await requireProvider(engine, kms)
    const regions = [...new Set([provider.key_collection, ...record.replica_regions])]
    if (regions.length !== ledger.current.regions.length) await ledger.update((current) => ({ ...current, regions }))
    await converge(engine, record, ledger, await openProvider(engine, provider))
  })
}

function requireDistribution(engine: Engine, kms: string, key: string): Promise<Ledger<DistributionRecord>> {
  return requireLedger<DistributionRecord>(engine.store, recordPath.distribution(kms, key), () =>
    new KeymgmtError('DISTRIBUTION_NOT_FOUND', `key ${key} is not distributed to ${kms}`, {
      hints: [`distribute it: keymgmt write keymgmt/kms/${kms}/key/${key} purpose=encrypt,decrypt protection=hsm`],
    }),
  )
}

/** A KMS key whose deletion was scheduled, and when it becomes final where AWS has said so. */
export interface ScheduledDeletion {
  readonly region: string
  readonly kmsKeyId: string
  readonly date: string | undefined
}

/**
 * Removes the alias and schedules every KMS key for deletion. The key and its material stay with us, and what was
 * scheduled stays on record. One that is not distributed is removed already.
 * @returns what was scheduled; empty when there was nothing to remove.
 */
export async function removeDistribution(engine: Engine, kms: string, key: string): Promise<readonly ScheduledDeletion[]> {
  return withKeyLock(engine.store, key, `delete keymgmt/kms/${kms}/key/${key}`, async () => {
    const ledger = await openLedger<DistributionRecord>(engine.store, recordPath.distribution(kms, key))
    if (!ledger) return []
    const record = (await requireKey(engine, key)).current
    const provider = await openProvider(engine, await requireProvider(engine, kms))
    if (ledger.current.state === 'active') await ledger.update((current) => ({ ...current, state: 'removing' }))
    await converge(engine, record, ledger, provider)
    await retire(engine, kms, ledger)
    return scheduled(ledger.current)
  })
}

/** The record moves aside before it goes, so that at every moment one of the two tells of the KMS keys. */
async function retire(engine: Engine, kms: string, ledger: Ledger<DistributionRecord>): Promise<void> {
  const path = recordPath.retired(kms, ledger.current.name)
  const earlier = await engine.store.get(path)
  await engine.store.put(path, encodeRecord({ ...ledger.current, state: 'removed' }), earlier?.revision ?? 0)
  await ledger.remove()
}

function scheduled({ copies }: DistributionRecord): ScheduledDeletion[] {
  return Object.values(copies).flatMap((places) =>
    Object.entries(places).flatMap(([region, copy]) =>
      copy.key ? [{ region, kmsKeyId: copy.key.id, date: copy.deletion_date }] : [],
    ),
  )
}
