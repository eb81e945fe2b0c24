import type { Engine } from '../engine.js'
import { archiveDistribution } from '../records/archive.js'
import { without, type KeyRecord } from '../records/model.js'
import type { RecordHandle } from '../records/record.js'
import { distributionsOf, type NamedDistribution } from '../records/repository.js'
import { assertEndpoint } from './account.js'
import { openContext, type ReconcileContext } from './context.js'
import { findUnrecordedKmsKeys } from './create.js'
import { describeSkipped, interruptionOf, takedownOf } from './interruption.js'
import { plan, type Chain } from './plan.js'
import { describeStep, takeStep } from './steps.js'

/** Maximum chains side by side: enough to hide the network, few enough to stay small in memory. */
const SIDE_BY_SIDE = 32

/**
 * Brings one distribution to the state that its record desires; a removed one is archived then.
 * @throws KeymgmtError of the first step that failed, after the steps that were under way beside it
 * have ended.
 */
export async function reconcile(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
): Promise<void> {
  await takeAllSteps(await openContext(engine, key, named))
  if (named.distribution.current.state === 'removed') await archiveDistribution(engine, named)
}

/**
 * Makes the KMS have what the records desire. Each step is written down before it is taken and
 * again when it is done, so this finishes what an earlier run left.
 */
async function takeAllSteps(context: ReconcileContext): Promise<void> {
  const { key, distribution } = context
  await assertEndpoint(context)
  await findUnrecordedKmsKeys(context)
  // A step may make another one necessary (a version enabled only to be replicated), so plan until
  // there is nothing.
  for (
    let stages = plan(key, distribution.current);
    stages.length > 0;
    stages = plan(key, distribution.current)
  ) {
    for (const chains of stages) await runSideBySide(context, chains)
  }
}

/**
 * After a failure no chain is begun, and those under way are waited for: their outcome is still to
 * be written down.
 */
async function runSideBySide(context: ReconcileContext, chains: readonly Chain[]): Promise<void> {
  const waiting = chains.values()
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (const chain of waiting) {
      if (failures.length > 0) return
      await runChain(context, chain).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, chains.length) }, worker))
  if (failures.length > 0) throw failures[0]
}

async function runChain(context: ReconcileContext, chain: Chain): Promise<void> {
  for (const step of chain) {
    context.engine.progress(describeStep(context, step))
    await takeStep(context, step)
  }
}

/**
 * Reconciles every distribution of the key, and completes a rotation that is everywhere then. Every
 * distribution gets its chance before the first failure is reported.
 */
export async function reconcileKey(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  distributions: readonly NamedDistribution[],
): Promise<void> {
  const results = await Promise.allSettled(
    distributions.map((named) => reconcile(engine, key.current, named)),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
  const { pending_version } = key.current
  if (pending_version !== undefined) {
    await key.update((current) => ({
      ...without(current, 'pending_version'),
      latest_version: pending_version,
    }))
  }
}

/**
 * The distributions of the key that a command may work on: all but those whose removal or
 * revocation did not finish. The user is told of each of those, with both ways forward.
 */
export async function workableDistributions(
  engine: Engine,
  key: KeyRecord,
): Promise<NamedDistribution[]> {
  const all = await distributionsOf(engine, key.name)
  return all.filter(({ providerName, distribution }) => {
    const takedown = takedownOf(key, distribution.current)
    if (takedown) engine.notice(describeSkipped(takedown, providerName, key.name))
    return takedown === undefined
  })
}

/**
 * Finishes what an interrupted command began to create with the key, and says so. A removal or a
 * revocation is left to the command that started it.
 * @returns the distributions that the command may work on.
 */
export async function resumeUnfinished(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
): Promise<NamedDistribution[]> {
  const { pending_version } = key.current
  const distributions = await workableDistributions(engine, key.current)
  const unfinished = distributions.filter(({ distribution }) =>
    interruptionOf(key.current, distribution.current),
  )
  if (pending_version === undefined && unfinished.length === 0) return distributions
  engine.notice(
    `First finishing what an earlier command began: ${describeUnfinished(key.current, unfinished)}`,
  )
  await reconcileKey(engine, key, distributions)
  return distributions
}

function describeUnfinished(
  { name, pending_version }: KeyRecord,
  unfinished: readonly NamedDistribution[],
): string {
  if (pending_version !== undefined) return `the rotation of ${name} to version ${pending_version}`
  return unfinished
    .map(
      ({ providerName, distribution }) =>
        `the ${distribution.current.state === 'revoked' ? 'revocation' : 'distribution'} of ${name} in ${providerName}`,
    )
    .join(', ')
}
