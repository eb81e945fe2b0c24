import { KeymgmtError, withHints, type ErrorCode } from '../../errors.js'
import { openProvider, type Engine } from '../engine.js'
import { assertPlace } from '../reconcile/account.js'
import type { ArchivedDistribution } from '../records/archive.js'
import { createdKmsKeys, lastDeletion } from '../records/kms-keys.js'
import { keyInName } from '../records/alias-names.js'
import { readProvider } from '../records/repository.js'
import { forgetCommand } from '../records/takedown.js'

/**
 * Checks that AWS has deleted every KMS key of these removed distributions, so that their records
 * are no longer needed for a restore. After the date, also asks AWS, because the local clock can be
 * wrong.
 * @throws KeymgmtError with `code` if a KMS key can still be restored, or if its provider is not
 * configured; errors of the KMS.
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
    const existing = isWaiting ? { date: last } : await findExisting(engine, code, distribution)
    if (existing)
      throw restorableError(code, providerName, keyInName(record.name), existing.date ?? last)
  }
}

/** Returns the latest deletion date of the KMS keys that AWS still has. */
async function findExisting(
  engine: Engine,
  code: ErrorCode,
  { providerName, record }: ArchivedDistribution,
): Promise<{ readonly date: string | undefined } | undefined> {
  const kmsKeys = createdKmsKeys(record)
  if (kmsKeys.length === 0) return undefined
  const forget = forgetHint(providerName, keyInName(record.name))
  const provider = await readProvider(engine, providerName)
  if (!provider) throw unknownProviderError(code, providerName, record.name, forget)
  const opened = await openProvider(engine, provider)
  await assertPlace({ key: keyInName(record.name), providerName, record, provider: opened })
  const found = await Promise.all(
    kmsKeys.map(({ region, key }) => opened.inspect(region, key)),
  ).catch((error: unknown) => {
    throw withHints(error, [forget])
  })
  const existing = found.filter((status) => status !== undefined)
  if (existing.length === 0) return undefined
  const dates = existing.flatMap(({ deletionDate }) => deletionDate?.toISOString() ?? [])
  return { date: dates.sort().at(-1) }
}

function forgetHint(providerName: string, key: string): string {
  return `if ${providerName} can never be reached again: ${forgetCommand(providerName, key)}`
}

function unknownProviderError(
  code: ErrorCode,
  providerName: string,
  distribution: string,
  forget: string,
): KeymgmtError {
  return new KeymgmtError(
    code,
    `AWS may still have KMS keys of the removed distribution ${distribution}, and there is no provider ${providerName} to ask with`,
    {
      hints: [
        `configure it again: keymgmt write keymgmt/kms/${providerName} provider=awskms key_collection=REGION`,
        forget,
      ],
    },
  )
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
        forgetHint(providerName, key),
      ],
    },
  )
}
