import { KeymgmtError } from '../../errors.js'
import { openProvider, type Engine } from '../engine.js'
import { keyInName } from '../records/alias-names.js'
import type { ArchivedDistribution } from '../records/archive.js'
import { found, lost } from '../records/kms-keys.js'
import type { DistributionRecord, KmsRecord } from '../records/model.js'
import { requireProvider } from '../records/repository.js'
import { forgetCommand } from '../records/takedown.js'
import { assertPlace } from './account.js'
import { asError, isFinal } from './outcomes.js'

/**
 * Returns the record of an archived distribution, in which KMS keys that AWS no longer has are
 * marked as lost; undefined if AWS has none of them. If the request about a KMS key fails, its
 * entry is unchanged.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS; KMS_NOT_FOUND or DISTRIBUTION_DIFFERS if its provider
 * is missing or is another one; errors of the KMS if all requests fail.
 */
export async function findArchived(
  engine: Engine,
  { providerName, record }: ArchivedDistribution,
): Promise<DistributionRecord | undefined> {
  const provider = await requireProvider(engine, providerName)
  if (provider.keyCollection !== record.regions[0]) throw otherProviderError(provider, record)
  const opened = await openProvider(engine, provider)
  await assertPlace({ key: keyInName(record.name), providerName, record, provider: opened })
  const errors: Error[] = []
  const asked = record.kmsKeys.filter(({ state }) => state !== 'creating').length
  const kmsKeys = await Promise.all(
    record.kmsKeys.map(async (entry) => {
      if (entry.state === 'creating') return entry
      try {
        const status = await opened.inspect(entry.region, entry.key)
        if (!status) return entry.state === 'lost' ? entry : lost(entry)
        return entry.state === 'lost' ? found(entry) : entry
      } catch (error) {
        errors.push(asError(error))
        return entry
      }
    }),
  )
  const final = errors.find(isFinal) ?? (errors.length === asked ? errors[0] : undefined)
  if (final) throw final
  return kmsKeys.some(({ state }) => state === 'created') ? { ...record, kmsKeys } : undefined
}

function otherProviderError(
  { name, keyCollection }: KmsRecord,
  { name: distribution, regions }: DistributionRecord,
): KeymgmtError {
  return new KeymgmtError(
    'DISTRIBUTION_DIFFERS',
    `the provider ${name} is in ${keyCollection}, and the KMS keys of ${distribution} are in ${regions.join(', ')}`,
    {
      hints: [
        `if they can never be reached again: ${forgetCommand(name, keyInName(distribution))}`,
      ],
    },
  )
}
