import { KeymgmtError } from '../../errors.js'
import { didYouMean } from '../../suggest.js'
import { inParallel } from '../../parallel.js'
import type { Engine } from '../engine.js'
import { keyInName } from './alias-names.js'
import { recordPath, type DistributionRecord, type KeyRecord, type KmsRecord } from './model.js'
import { openRecord, requireRecord, type RecordHandle } from './record.js'

/** A distribution of a key, with the provider that it is in. */
export interface NamedDistribution {
  readonly providerName: string
  readonly distribution: RecordHandle<DistributionRecord>
}

/**
 * Returns the key, or undefined. Its public keys are SPKI in PEM; its material is not in it.
 * @throws KeymgmtError STORE_SEALED, STORE_CORRUPT, STORE_UNAVAILABLE
 */
export async function readKey(engine: Engine, name: string): Promise<KeyRecord | undefined> {
  return (await openRecord<KeyRecord>(engine.store, recordPath.key(name)))?.current
}

/** Returns the key. @throws KeymgmtError KEY_NOT_FOUND */
export function requireKey(engine: Engine, name: string): Promise<RecordHandle<KeyRecord>> {
  return requireRecord<KeyRecord>(
    engine.store,
    recordPath.key(name),
    async () =>
      new KeymgmtError('KEY_NOT_FOUND', `key "${name}" not found`, {
        hints: [
          ...(await similarNames(engine, recordPath.keys, name)),
          `to create it: keymgmt write -f keymgmt/key/${name} type=aes256-gcm96`,
          'to list all keys: keymgmt list keymgmt/key',
        ],
      }),
  )
}

/** The most names that an error suggests. */
const MAX_SUGGESTIONS = 3

async function similarNames(
  { store }: Engine,
  collection: string,
  name: string,
): Promise<readonly string[]> {
  return didYouMean(name, await store.list(collection), MAX_SUGGESTIONS)
}

/**
 * Returns the provider, or undefined. It contains credentials: don't print it.
 * @throws KeymgmtError STORE_SEALED, STORE_CORRUPT, STORE_UNAVAILABLE
 */
export async function readProvider(engine: Engine, name: string): Promise<KmsRecord | undefined> {
  return (await openRecord<KmsRecord>(engine.store, recordPath.provider(name)))?.current
}

/** Returns the provider. @throws KeymgmtError KMS_NOT_FOUND */
export async function requireProvider(engine: Engine, name: string): Promise<KmsRecord> {
  const found = await requireRecord<KmsRecord>(
    engine.store,
    recordPath.provider(name),
    async () =>
      new KeymgmtError('KMS_NOT_FOUND', `KMS provider "${name}" not found`, {
        hints: [
          ...(await similarNames(engine, recordPath.providers, name)),
          `to configure it: keymgmt write keymgmt/kms/${name} provider=awskms key_collection=us-west-1 (your AWS Region)`,
          'to list all providers: keymgmt list keymgmt/kms',
        ],
      }),
  )
  return found.current
}

/**
 * Returns the distribution of a key to a provider, or undefined.
 * @throws KeymgmtError STORE_SEALED, STORE_CORRUPT, STORE_UNAVAILABLE
 */
export async function readDistribution(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<DistributionRecord | undefined> {
  return (
    await openRecord<DistributionRecord>(engine.store, recordPath.distribution(providerName, key))
  )?.current
}

/** Returns the distribution. @throws KeymgmtError DISTRIBUTION_NOT_FOUND */
export function requireDistribution(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<RecordHandle<DistributionRecord>> {
  return requireRecord<DistributionRecord>(
    engine.store,
    recordPath.distribution(providerName, key),
    () => undistributedError(engine, providerName, key),
  )
}

/** Returns the provider and the key of every distribution, without reading a record. */
export async function listDistributions({
  store,
}: Engine): Promise<{ readonly providerName: string; readonly key: string }[]> {
  const providers = await store.list(recordPath.distributions)
  const found = await inParallel(providers, async (providerName) =>
    (await store.list(recordPath.distributionsOf(providerName))).map((key) => ({
      providerName,
      key,
    })),
  )
  return found.flat()
}

/** The distributions of the key. Looks in every provider, of which there are few. */
export async function distributionsOf(engine: Engine, key: string): Promise<NamedDistribution[]> {
  const found = await Promise.all(
    (await engine.store.list(recordPath.distributions)).map(async (providerName) => {
      const distribution = await openRecord<DistributionRecord>(
        engine.store,
        recordPath.distribution(providerName, key),
      )
      return distribution ? [{ providerName, distribution }] : []
    }),
  )
  return found.flat()
}

/**
 * Returns the error for a missing distribution. If the provider or the key does not exist, the
 * error is about that: the name may be mistyped.
 */
async function undistributedError(
  engine: Engine,
  providerName: string,
  key: string,
): Promise<KeymgmtError> {
  await requireProvider(engine, providerName)
  const { type } = (await requireKey(engine, key)).current
  const purpose = /^(aes|rsa)/.test(type) ? 'encrypt,decrypt' : 'sign,verify'
  const elsewhere = (await distributionsOf(engine, key)).map((named) => named.providerName)
  return new KeymgmtError(
    'DISTRIBUTION_NOT_FOUND',
    `key "${key}" is not distributed to ${providerName}`,
    {
      hints: [
        ...(elsewhere.length > 0 ? [`it is distributed to ${elsewhere.join(', ')}`] : []),
        ...((await hasArchived(engine, providerName, key))
          ? [
              `its distribution was removed; to restore it: keymgmt write -f keymgmt/kms/${providerName}/key/${key}/restore`,
            ]
          : []),
        `to distribute it: keymgmt write keymgmt/kms/${providerName}/key/${key} purpose=${purpose}`,
      ],
    },
  )
}

/** True if a distribution of the key to the provider was removed, and can be restored. */
async function hasArchived(engine: Engine, providerName: string, key: string): Promise<boolean> {
  const names = await engine.store.list(recordPath.archiveOf(providerName))
  return names.some((name) => keyInName(name) === key)
}
