import { KeymgmtError, type ErrorCode } from '../../errors.js'
import { openProvider, type Engine } from '../engine.js'
import { assertPlace } from '../reconcile/account.js'
import type { ArchivedDistribution } from '../records/archive.js'
import { createdKmsKeys, lastDeletion } from '../records/kms-keys.js'
import { keyInName } from '../records/alias-names.js'
import { readProvider } from '../records/repository.js'

/**
 * Checks that AWS has deleted every KMS key of these removed distributions, so that nothing needs
 * the records which restore them. The local clock can be wrong, so after the date AWS is asked too.
 * @throws KeymgmtError with `code` and the date if a KMS key can still be restored; errors of the
 * KMS.
 */
export async function assertDeletedByKms(
  engine: Engine,
  code: Extract<ErrorCode, 'KEY_IN_USE' | 'KMS_IN_USE'>,
  archived: readonly ArchivedDistribution[],
): Promise<void> {
  for (const distribution of archived) {
    const { providerName, record } = distribution
    const last = lastDeletion(record)
    const isWaiting = last !== undefined && new Date(last) >= engine.now()
    const existing = isWaiting ? { date: last } : await findExisting(engine, distribution)
    if (existing)
      throw restorableError(code, providerName, keyInName(record.name), existing.date ?? last)
  }
}

/** The last date of the KMS keys that AWS still has. Without the provider, AWS can't be asked. */
async function findExisting(
  engine: Engine,
  { providerName, record }: ArchivedDistribution,
): Promise<{ readonly date: string | undefined } | undefined> {
  const provider = await readProvider(engine, providerName)
  const kmsKeys = createdKmsKeys(record)
  if (!provider || kmsKeys.length === 0) return undefined
  const opened = await openProvider(engine, provider)
  await assertPlace({ key: keyInName(record.name), providerName, record, provider: opened })
  const found = await Promise.all(kmsKeys.map(({ region, key }) => opened.inspect(region, key)))
  const existing = found.filter((status) => status !== undefined)
  if (existing.length === 0) return undefined
  const dates = existing.flatMap(({ deletionDate }) => deletionDate?.toISOString() ?? [])
  return { date: dates.sort().at(-1) }
}

function restorableError(
  code: ErrorCode,
  providerName: string,
  key: string,
  date: string | undefined,
): KeymgmtError {
  const until = date === undefined ? '' : ` until ${date}`
  return new KeymgmtError(
    code,
    `the removed distribution of ${key} to ${providerName} can be restored${until}`,
    {
      hints: [
        `to restore it: keymgmt write -f keymgmt/kms/${providerName}/key/${key}/restore`,
        'or wait until AWS has deleted the last of its KMS keys',
      ],
    },
  )
}
