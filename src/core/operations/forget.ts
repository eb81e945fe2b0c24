import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { archivedOf, deleteArchived } from '../records/archive.js'
import { kmsKeyName } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import {
  recordPath,
  type DistributionRecord,
  type ForgottenDistribution,
  type KeyRecord,
} from '../records/model.js'
import { openRecord, type RecordHandle } from '../records/record.js'
import { requireKey } from '../records/repository.js'
import { forgetCommand } from '../records/takedown.js'

/**
 * Drops the present and removed distributions of the key to a provider that can no longer be
 * reached. Changes only the store and sends nothing to AWS, which keeps the KMS keys and aliases.
 * The key records them, and keeps their material. Forgetting again changes nothing.
 * @returns the last recorded states of everything that was ever forgotten there.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; FIELD_MISSING unless `allowOrphans`.
 */
export async function forgetDistribution(
  engine: Engine,
  providerName: string,
  key: string,
  allowOrphans: boolean,
): Promise<readonly ForgottenDistribution[]> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/forget`
  return withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const path = recordPath.distribution(providerName, key)
    const active = await openRecord<DistributionRecord>(engine.store, path)
    const archived = await archivedOf(engine, record.current, providerName)
    const present = [...(active ? [active.current] : []), ...archived.map((each) => each.record)]
    const forgotten = merge(record.current, providerName, present)
    if (forgotten.length === 0) throw notDistributedError(providerName, key)
    if (!allowOrphans) throw consentError(providerName, key, forgotten)
    // Write this record first, so that at every moment a record names the KMS keys.
    if (present.length > 0) await remember(record, providerName, forgotten)
    await active?.remove()
    for (const each of archived) await deleteArchived(engine, each)
    await reconcileKey(engine, record, [])
    return forgotten
  })
}

/** Returns everything that is forgotten of the provider: earlier, and now. */
function merge(
  { forgotten = [] }: KeyRecord,
  provider: string,
  present: readonly DistributionRecord[],
): ForgottenDistribution[] {
  const names = present.map(({ name }) => name)
  return [
    ...forgotten.filter((each) => each.provider === provider && !names.includes(each.name)),
    ...present.map(({ name, kmsKeys, aliases }) => ({
      provider,
      name,
      kmsKeys,
      aliases,
    })),
  ]
}

async function remember(
  key: RecordHandle<KeyRecord>,
  provider: string,
  forgotten: readonly ForgottenDistribution[],
): Promise<void> {
  await key.update((current) => ({
    ...current,
    forgotten: [
      ...(current.forgotten ?? []).filter((each) => each.provider !== provider),
      ...forgotten,
    ],
  }))
}

function notDistributedError(providerName: string, key: string): KeymgmtError {
  return new KeymgmtError(
    'DISTRIBUTION_NOT_FOUND',
    `key ${key} is not distributed to ${providerName}`,
    { hints: [`see where it is: keymgmt list keymgmt/key/${key}/kms`] },
  )
}

function consentError(
  providerName: string,
  key: string,
  forgotten: readonly ForgottenDistribution[],
): KeymgmtError {
  const kmsKeys = forgotten.flatMap(({ kmsKeys }) => kmsKeys).map(kmsKeyName)
  const remaining = kmsKeys.length > 0 ? kmsKeys.join(', ') : 'no KMS key'
  return new KeymgmtError(
    'FIELD_MISSING',
    `missing required field "allow_orphans": AWS keeps ${remaining}`,
    {
      hints: [
        `if ${providerName} can be reached, remove the distribution instead: keymgmt delete keymgmt/kms/${providerName}/key/${key}`,
        `if it can never be reached again: ${forgetCommand(providerName, key)}`,
      ],
    },
  )
}
