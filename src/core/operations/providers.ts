import { KeymgmtError } from '../../errors.js'
import { KMS_KINDS, type KmsKindName } from '../../kms/index.js'
import type { KmsKind, KmsProvider } from '../../kms/provider.js'
import type { Engine } from '../engine.js'
import { createRecord, openRecord } from '../records/record.js'
import { requireProvider } from '../records/repository.js'
import { recordPath, type KmsRecord } from '../records/model.js'

/** What `write keymgmt/kms/:name` may say. */
export interface ProviderChange {
  readonly provider?: KmsKindName | undefined
  readonly key_collection?: string | undefined
  readonly credentials?: Readonly<Record<string, string>> | undefined
}

/**
 * Configures a provider, or replaces the credentials of one.
 * @throws KeymgmtError FIELD_MISSING, FIELD_IMMUTABLE, FIELD_INVALID, KMS_ENDPOINT_REFUSED; nothing
 * is changed then.
 */
export async function saveProvider(
  engine: Engine,
  name: string,
  change: ProviderChange,
): Promise<void> {
  const lock = await engine.store.lock(recordPath.provider(name), `write keymgmt/kms/${name}`)
  try {
    const existing = await openRecord<KmsRecord>(engine.store, recordPath.provider(name))
    const next = existing ? amended(existing.current, change) : complete(name, change)
    await kindOf(engine, next).assertSettings(settingsOf(next))
    if (existing) await existing.update(() => next)
    else await createRecord(engine.store, recordPath.provider(name), next)
  } finally {
    await lock.release()
  }
}

function complete(
  name: string,
  { provider, key_collection, credentials }: ProviderChange,
): KmsRecord {
  if (provider === undefined) throw missing('provider', `provider=${KMS_KINDS.join('|')}`)
  if (key_collection === undefined)
    throw missing('key_collection', 'key_collection=us-west-1, the AWS Region')
  return { name, provider, key_collection, credentials: credentials ?? {} }
}

function missing(field: string, example: string): KeymgmtError {
  return new KeymgmtError('FIELD_MISSING', `missing required field "${field}"`, {
    hints: [`a new provider needs ${example}`],
  })
}

function amended(existing: KmsRecord, change: ProviderChange): KmsRecord {
  for (const field of ['provider', 'key_collection'] as const) {
    const wanted = change[field]
    if (wanted !== undefined && wanted !== existing[field]) {
      throw new KeymgmtError(
        'FIELD_IMMUTABLE',
        `field "${field}" of ${existing.name} is ${existing[field]} and can't be changed`,
        {
          hints: ['configure another provider under another name'],
        },
      )
    }
  }
  return { ...existing, credentials: change.credentials ?? existing.credentials }
}

/**
 * Runs `work` with the provider that must be there, while nobody changes or deletes it. @throws
 * KeymgmtError KMS_NOT_FOUND
 */
export async function withProviderLock<T>(
  engine: Engine,
  name: string,
  purpose: string,
  work: (provider: KmsRecord) => Promise<T>,
): Promise<T> {
  const lock = await engine.store.lock(recordPath.provider(name), purpose)
  try {
    return await work(await requireProvider(engine, name))
  } finally {
    await lock.release()
  }
}

/**
 * Forgets a provider; one that is not there is forgotten already.
 * @throws KeymgmtError KMS_IN_USE while keys are distributed to it.
 */
export async function deleteProvider(engine: Engine, name: string): Promise<void> {
  const lock = await engine.store.lock(recordPath.provider(name), `delete keymgmt/kms/${name}`)
  try {
    const keys = await engine.store.list(recordPath.distributionsOf(name))
    if (keys.length > 0) {
      throw new KeymgmtError('KMS_IN_USE', `keys are distributed to ${name}: ${keys.join(', ')}`, {
        hints: keys.slice(0, 3).map((key) => `keymgmt delete keymgmt/kms/${name}/key/${key}`),
      })
    }
    await (await openRecord<KmsRecord>(engine.store, recordPath.provider(name)))?.remove()
  } finally {
    await lock.release()
  }
}

/**
 * The kind of a stored provider. @throws KeymgmtError STORE_VERSION for one that only a newer
 * keymgmt knows.
 */
export function kindOf(engine: Engine, { provider }: Pick<KmsRecord, 'provider'>): KmsKind {
  const name = KMS_KINDS.find((kind) => kind === provider)
  if (name) return engine.kinds[name]
  throw new KeymgmtError('STORE_VERSION', `this keymgmt knows no provider=${provider}`, {
    hints: ['use the newer keymgmt that wrote it'],
  })
}

function settingsOf({ key_collection, credentials }: KmsRecord) {
  return { region: key_collection, credentials }
}

/** Opens a stored provider; no request is sent yet. */
export function openProvider(engine: Engine, record: KmsRecord): Promise<KmsProvider> {
  return kindOf(engine, record).open(settingsOf(record))
}
