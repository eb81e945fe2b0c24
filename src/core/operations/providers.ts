import { KeymgmtError } from '../../errors.js'
import { KMS_KINDS, type KmsKindName } from '../../kms/index.js'
import { kindOf, type Engine } from '../engine.js'
import { archivedIn, deleteArchived } from '../records/archive.js'
import { withProviderLock } from '../records/locks.js'
import { recordPath, type KmsRecord } from '../records/model.js'
import { createRecord, openRecord } from '../records/record.js'
import { readProvider } from '../records/repository.js'
import { forgetCommand } from '../records/takedown.js'
import { assertDeletedByKms } from './pending-deletion.js'

/** The settings of a provider. Undefined leaves a setting unchanged. */
export interface ProviderChange {
  /** The kind of KMS, for a new provider. */
  readonly provider?: KmsKindName | undefined
  /** The AWS Region, for a new provider. */
  readonly keyCollection?: string | undefined
  /** All credentials, by name. They replace the previous ones. */
  readonly credentials?: Readonly<Record<string, string>> | undefined
  /** True to accept a Region that this version does not know. */
  readonly allowUnknownRegion?: boolean | undefined
}

/**
 * Configures a provider, or replaces its credentials.
 * @throws KeymgmtError FIELD_MISSING, FIELD_IMMUTABLE, FIELD_INVALID, KMS_ENDPOINT_REFUSED; nothing
 * is changed then.
 */
export async function saveProvider(
  engine: Engine,
  name: string,
  change: ProviderChange,
): Promise<void> {
  await assertChange(engine, name, change)
  await withProviderLock(engine.store, name, `write keymgmt/kms/${name}`, async () => {
    const existing = await openRecord<KmsRecord>(engine.store, recordPath.provider(name))
    const next = existing ? amended(existing.current, change) : complete(name, change)
    if (existing) await existing.update(() => next)
    else await createRecord(engine.store, recordPath.provider(name), next)
  })
}

/**
 * Checks the values that do not depend on the existing provider, before anything is opened or
 * locked.
 */
async function assertChange(
  engine: Engine,
  name: string,
  { provider, keyCollection, credentials, allowUnknownRegion = false }: ProviderChange,
): Promise<void> {
  const known = provider ?? (await readProvider(engine, name))?.provider
  if (known === undefined) throw missingError('provider', `provider=${KMS_KINDS.join('|')}`)
  const kind = kindOf(engine, { provider: known })
  if (keyCollection !== undefined)
    await kind.assertRegions('key_collection', [keyCollection], allowUnknownRegion)
  if (credentials !== undefined) await kind.assertCredentials(credentials)
}

function complete(
  name: string,
  { provider, keyCollection, credentials }: ProviderChange,
): KmsRecord {
  if (provider === undefined) throw missingError('provider', `provider=${KMS_KINDS.join('|')}`)
  if (keyCollection === undefined)
    throw missingError('key_collection', 'key_collection=us-west-1, the AWS Region')
  return { name, provider, keyCollection, credentials: credentials ?? {} }
}

function missingError(field: string, example: string): KeymgmtError {
  return new KeymgmtError('FIELD_MISSING', `missing required field "${field}"`, {
    hints: [`a new provider needs ${example}`],
  })
}

function amended(existing: KmsRecord, change: ProviderChange): KmsRecord {
  const fields = [
    ['provider', change.provider, existing.provider],
    ['key_collection', change.keyCollection, existing.keyCollection],
  ] as const
  for (const [field, wanted, current] of fields) {
    if (wanted === undefined || wanted === current) continue
    throw new KeymgmtError(
      'FIELD_IMMUTABLE',
      `field "${field}" of ${existing.name} is ${current} and can't be changed`,
      { hints: ['configure another provider under another name'] },
    )
  }
  return { ...existing, credentials: change.credentials ?? existing.credentials }
}

/**
 * Deletes a provider. Does nothing if the provider does not exist.
 * @throws KeymgmtError KMS_IN_USE while keys are distributed to it, or while AWS has KMS keys of a
 * removed distribution; errors of the KMS.
 */
export async function deleteProvider(engine: Engine, name: string): Promise<void> {
  await withProviderLock(engine.store, name, `delete keymgmt/kms/${name}`, async () => {
    const keys = await engine.store.list(recordPath.distributionsOf(name))
    if (keys.length > 0) {
      throw new KeymgmtError('KMS_IN_USE', `keys are distributed to ${name}: ${keys.join(', ')}`, {
        hints: [
          ...keys
            .slice(0, 3)
            .map((key) => `to remove ${key}: keymgmt delete keymgmt/kms/${name}/key/${key}`),
          ...keys
            .slice(0, 1)
            .map((key) => `if ${name} can never be reached again: ${forgetCommand(name, key)}`),
        ],
      })
    }
    const archived = await archivedIn(engine, [name])
    await assertDeletedByKms(engine, 'KMS_IN_USE', archived)
    for (const each of archived) await deleteArchived(engine, each)
    await (await openRecord<KmsRecord>(engine.store, recordPath.provider(name)))?.remove()
  })
}
