import type { Engine } from '../engine.js'
import { assertEndpoint } from '../reconcile/account.js'
import { compare, compareArchived, type Difference } from '../reconcile/compare.js'
import { openContext } from '../reconcile/context.js'
import { isUnanswered, observe, observeNothing, type Observation } from '../reconcile/observe.js'
import { assertAgree } from '../records/agreement.js'
import { archivedOf } from '../records/archive.js'
import type { DistributionRecord, KeyRecord } from '../records/model.js'
import { readDistribution, requireDistribution, requireKey } from '../records/repository.js'

export type { Difference } from '../reconcile/compare.js'
export type { Observation, ObservedKmsKey, Unchecked } from '../reconcile/observe.js'

/** One distribution, compared with AWS. */
export interface Verification {
  readonly providerName: string
  readonly key: string
  readonly distribution: DistributionRecord
  /** If a question in it is unchecked, not everything was compared. */
  readonly observation: Observation
  readonly differences: readonly Difference[]
}

/** A distribution, and the key that it is of. */
interface Records {
  readonly key: KeyRecord
  readonly distribution: DistributionRecord
  readonly isArchived: boolean
}

/** A command that changes the key at the same time can make the records and the KMS differ. */
const MAX_ATTEMPTS = 3

/**
 * Compares what is on record of a distribution with what the KMS has; if the key is no longer
 * distributed there, of the latest removed distribution. Takes no lock, so that it works on a
 * read-only store, and compares again if the records changed meanwhile. Changes nothing, unless
 * `challenge` asks symmetric KMS keys to take the same material again, which AWS does only if it is
 * the same.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; STORE_CORRUPT for records that don't
 * belong together; KMS_ACCOUNT_DIFFERS for a distribution of an embedded KMS elsewhere.
 */
export async function verifyDistribution(
  engine: Engine,
  providerName: string,
  keyName: string,
  challenge: boolean,
): Promise<Verification> {
  for (let attempt = 1; ; attempt++) {
    const records = await readRecords(engine, providerName, keyName)
    const verification = await verifyRecords(engine, providerName, records, challenge)
    if (verification.differences.length === 0 || attempt === MAX_ATTEMPTS) return verification
    const after = await readRecords(engine, providerName, keyName)
    if (JSON.stringify(after) === JSON.stringify(records)) return verification
  }
}

async function readRecords(
  engine: Engine,
  providerName: string,
  keyName: string,
): Promise<Records> {
  const key = (await requireKey(engine, keyName)).current
  const present = await readDistribution(engine, providerName, keyName)
  if (present) {
    assertAgree(key, providerName, present)
    return { key, distribution: present, isArchived: false }
  }
  const [latest] = await archivedOf(engine, key, providerName)
  const distribution =
    latest?.record ?? (await requireDistribution(engine, providerName, keyName)).current
  return { key, distribution, isArchived: latest !== undefined }
}

async function verifyRecords(
  engine: Engine,
  providerName: string,
  { key, distribution, isArchived }: Records,
  challenge: boolean,
): Promise<Verification> {
  const observation = await openContext(engine, key, {
    providerName,
    distribution: { current: distribution },
  }).then(
    async (context) => {
      await assertEndpoint(context)
      return observe(context, challenge)
    },
    (error: unknown) => {
      if (isUnanswered(error)) return observeNothing(distribution, error)
      throw error
    },
  )
  const compared = { key, providerName, record: distribution, now: engine.now() }
  const differences = isArchived
    ? compareArchived(compared, observation)
    : compare(compared, observation)
  return { providerName, key: key.name, distribution, observation, differences }
}
