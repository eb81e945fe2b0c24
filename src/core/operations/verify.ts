import type { Engine } from '../engine.js'
import { compare, compareArchived } from '../reconcile/compare.js'
import { openContext } from '../reconcile/context.js'
import type { Difference } from '../reconcile/difference.js'
import {
  ask,
  observe,
  observeNothing,
  type Observation,
  type Unchecked,
} from '../reconcile/observe.js'
import { skippedSteps, type SkippedStep } from '../reconcile/skipped.js'
import { unlessUnanswered } from '../reconcile/unanswered.js'
import { assertAgree } from '../records/agreement.js'
import { keyInName } from '../records/alias-names.js'
import { archivedOf } from '../records/archive.js'
import { recordPath, type DistributionRecord, type KeyRecord } from '../records/model.js'
import { inParallel } from '../../parallel.js'
import {
  readDistribution,
  requireDistribution,
  requireKey,
  requireProvider,
} from '../records/repository.js'

export type { Difference } from '../reconcile/difference.js'
export type { SkippedStep } from '../reconcile/skipped.js'
export type { NewerTarget } from '../reconcile/newer.js'
export type { Observation, ObservedKmsKey, Unchecked } from '../reconcile/observe.js'

/** One distribution, compared with AWS. */
export interface Verification {
  /** Name of the provider. */
  readonly providerName: string
  /** Name of the key. */
  readonly key: string
  /** The record that was compared. */
  readonly distribution: DistributionRecord
  /** The state in AWS. If it has unchecked items, the comparison is incomplete. */
  readonly observation: Observation
  /** The differences between the record and AWS. */
  readonly differences: readonly Difference[]
  /** The steps that are not taken because their versions are disabled. */
  readonly skipped: readonly SkippedStep[]
}

/** A distribution, and its key. */
interface Records {
  readonly key: KeyRecord
  readonly distribution: DistributionRecord
  readonly isArchived: boolean
}

/**
 * Maximum comparisons: a command that changes the key meanwhile can cause a difference that does
 * not last.
 */
const MAX_ATTEMPTS = 3

/**
 * Compares the records of a distribution with AWS. If the key is no longer distributed there,
 * compares the latest removed distribution. Takes no lock, so that it works on a read-only store,
 * and repeats the comparison if the records changed meanwhile. Changes nothing in AWS, except that
 * `challenge` imports the same material into symmetric KMS keys again, which AWS accepts only if it
 * is identical.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; STORE_CORRUPT for records that don't
 * belong together; KMS_ACCOUNT_DIFFERS for a distribution of an embedded KMS elsewhere.
 */
export async function verifyDistribution(
  engine: Engine,
  providerName: string,
  keyName: string,
  challenge: boolean,
): Promise<Verification> {
  for (;;) {
    const [latest] = await verifyKey(engine, { providerName, keyName, challenge, limit: 1 })
    if (latest) return latest
    await requireDistribution(engine, providerName, keyName)
  }
}

/** All distributions in one provider, compared with AWS. */
export interface ProviderVerification {
  /** The result of each distribution in the provider. */
  readonly verifications: readonly Verification[]
  /** The keys whose distributions could not be compared. */
  readonly unchecked: readonly Unchecked[]
}

/**
 * Compares the records of every distribution in the provider, active and removed, with AWS. An
 * error in one does not stop the others.
 * @throws KeymgmtError KMS_NOT_FOUND
 */
export async function verifyProvider(
  engine: Engine,
  providerName: string,
  challenge: boolean,
): Promise<ProviderVerification> {
  const { keyCollection: region } = await requireProvider(engine, providerName)
  const present = await engine.store.list(recordPath.distributionsOf(providerName))
  const removed = await engine.store.list(recordPath.archiveOf(providerName))
  const keyNames = [...new Set([...present, ...removed.map(keyInName)])].sort()
  const results = await inParallel(keyNames, async (keyName) => {
    const unchecked: Unchecked[] = []
    const subject = { what: 'distribution', region, subject: keyName } as const
    const question = { providerName, keyName, challenge, limit: Infinity }
    const answer = await ask(unchecked, subject, () => verifyKey(engine, question))
    return { verifications: answer ?? [], unchecked }
  })
  return {
    verifications: results.flatMap(({ verifications }) => verifications),
    unchecked: results.flatMap(({ unchecked }) => unchecked),
  }
}

interface KeyQuestion {
  readonly providerName: string
  readonly keyName: string
  readonly challenge: boolean
  /** Maximum distributions to compare: the present one, then removed ones, the latest first. */
  readonly limit: number
}

/** Compares the distributions of a key, and repeats this if the records changed meanwhile. */
async function verifyKey(engine: Engine, question: KeyQuestion): Promise<Verification[]> {
  const { providerName, challenge } = question
  for (let attempt = 1; ; attempt++) {
    const records = await readRecords(engine, question)
    const verifications = await Promise.all(
      records.map((each) => verifyRecords(engine, providerName, each, challenge)),
    )
    const isClean = verifications.every(({ differences }) => differences.length === 0)
    if (isClean || attempt === MAX_ATTEMPTS) return verifications
    const after = await readRecords(engine, question)
    if (JSON.stringify(after) === JSON.stringify(records)) return verifications
  }
}

async function readRecords(
  engine: Engine,
  { providerName, keyName, limit }: KeyQuestion,
): Promise<Records[]> {
  const key = (await requireKey(engine, keyName)).current
  const present = await readDistribution(engine, providerName, keyName)
  if (present) assertAgree(key, providerName, present)
  const archived = await archivedOf(engine, key, providerName)
  return [
    ...(present ? [{ key, distribution: present, isArchived: false }] : []),
    ...archived.map(({ record }) => ({ key, distribution: record, isArchived: true })),
  ].slice(0, limit)
}

async function verifyRecords(
  engine: Engine,
  providerName: string,
  { key, distribution, isArchived }: Records,
  challenge: boolean,
): Promise<Verification> {
  const named = { providerName, distribution: { current: distribution } }
  const observation = await openContext(engine, key, named).then(
    (context) => observe(context, challenge),
    (error: unknown) => observeNothing(distribution, unlessUnanswered(error)),
  )
  const compared = { key, providerName, record: distribution, now: engine.now() }
  const differences = isArchived
    ? compareArchived(compared, observation)
    : compare(compared, observation)
  const skipped = isArchived ? [] : skippedSteps(key, distribution)
  return { providerName, key: key.name, distribution, observation, differences, skipped }
}
