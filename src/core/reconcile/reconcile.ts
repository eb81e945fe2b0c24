import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { archiveDistribution } from '../records/archive.js'
import { createdKmsKeyAt, lost } from '../records/kms-keys.js'
import { without, type KeyRecord } from '../records/model.js'
import type { RecordHandle } from '../records/record.js'
import { distributionsOf, type NamedDistribution } from '../records/repository.js'
import { assertPlaceOf, needsPlace } from './account.js'
import { openContext, writeKmsKey, type ReconcileContext } from './context.js'
import { findUnrecordedKmsKeys } from './create.js'
import { interruptionOf } from './interruption.js'
import {
  asError,
  collectResults,
  isFinal,
  type ReconcileResult,
  type StepResults,
} from './outcomes.js'
import { plan, type Chain, type Step } from './plan.js'
import { describeStep, takeStep } from './steps.js'

/** Maximum chains side by side: enough to hide the network, few enough to stay small in memory. */
const SIDE_BY_SIDE = 32

/**
 * Brings one distribution to the state that its record desires; a removed one is archived then.
 * @throws KeymgmtError of the first step that failed, after everything that could be done was done
 * and every outcome was reported.
 */
export async function reconcile(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
): Promise<void> {
  conclude(engine, [await attempt(engine, key, named)])
}

/** Reports every outcome. @throws the first error of the results. */
function conclude(engine: Engine, results: readonly ReconcileResult[]): void {
  for (const { outcomes } of results) for (const outcome of outcomes) engine.outcome(outcome)
  for (const { error } of results) if (error !== undefined) throw error
}

/** Does all that can be done for one distribution; never throws. */
async function attempt(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
): Promise<ReconcileResult> {
  const results = collectResults(key.name, named)
  try {
    await takeAllSteps(await openContext(engine, key, named), results)
    const { error } = results.result()
    if (error === undefined && named.distribution.current.state === 'removed')
      await archiveDistribution(engine, named)
    return results.result()
  } catch (error) {
    const steps = plan(key, named.distribution.current).flat(2)
    for (const step of steps) results.failed(step, error)
    const result = results.result()
    return { ...result, error: result.error ?? asError(error) }
  }
}

/**
 * Makes the KMS have what the records desire, as far as it can be reached. Each step is written
 * down before it is taken and again when it is done, so this finishes what an earlier run left.
 * @throws an error after which nothing more may be started.
 */
async function takeAllSteps(context: ReconcileContext, results: StepResults): Promise<void> {
  const { key, distribution } = context
  if (needsPlace(plan(key, distribution.current).flat(2))) await assertPlaceOf(context)
  await findAllUnrecorded(context, results)
  // A step may make another one necessary (a version enabled only to be replicated), or show what
  // AWS really has: plan again after each stage, until there is nothing that can be taken.
  for (let taken = true; taken;) {
    taken = false
    for (const chains of plan(key, distribution.current)) {
      taken = await runSideBySide(context, results, chains)
      if (taken) break
    }
  }
}

/** A Region in which they can't be looked for keeps only its own KMS keys from being created. */
async function findAllUnrecorded(context: ReconcileContext, results: StepResults): Promise<void> {
  const { distribution, provider } = context
  const creating = distribution.current.kms_keys.filter(({ state }) => state === 'creating')
  for (const region of new Set(creating.map((entry) => entry.region))) {
    try {
      await findUnrecordedKmsKeys(context, (entry) => entry.region === region)
    } catch (error) {
      if (isFinal(error)) throw error
      const action = region === provider.region ? 'create' : 'replicate'
      for (const { version } of creating.filter((entry) => entry.region === region))
        results.failed({ action, version, region }, error)
    }
  }
}

/**
 * Runs the chains whose dependencies have not failed. A failed chain stops no other. It waits for
 * all running chains, because their outcomes must be recorded.
 * @returns true if any chain was run.
 * @throws an error after which no chain may be started.
 */
async function runSideBySide(
  context: ReconcileContext,
  results: StepResults,
  chains: readonly Chain[],
): Promise<boolean> {
  const runnable = chains.filter((chain) => isRunnable(results, chain))
  const waiting = runnable.values()
  const final: unknown[] = []
  const worker = async (): Promise<void> => {
    for (const chain of waiting) {
      if (final.length > 0) return
      await runChain(context, results, chain).catch((error: unknown) => final.push(error))
    }
  }
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, runnable.length) }, worker))
  if (final.length > 0) throw final[0]
  return runnable.length > 0
}

function isRunnable(results: StepResults, chain: Chain): boolean {
  let blocker: Step | undefined
  for (const step of chain) {
    blocker ??= results.blockerOf(step)
    if (blocker) results.blocked(step, blocker)
  }
  return blocker === undefined
}

/** @throws an error after which nothing more may be started. */
async function runChain(
  context: ReconcileContext,
  results: StepResults,
  chain: Chain,
): Promise<void> {
  let failed: Step | undefined
  for (const step of chain) {
    if (failed) {
      results.blocked(step, failed)
      continue
    }
    context.engine.progress(describeStep(context, step))
    try {
      await takeStep(context, step)
      results.done(step)
    } catch (error) {
      if (await recordLost(context, results, step, error)) return
      failed = step
      results.failed(step, error)
      if (isFinal(error)) throw error
    }
  }
}

/**
 * Records the KMS key of the step as lost if AWS no longer has it: the step and a second look both
 * say so, with credentials of the right account, and this command did not create it.
 */
async function recordLost(
  context: ReconcileContext,
  results: StepResults,
  step: Step,
  error: unknown,
): Promise<boolean> {
  const { provider, distribution } = context
  if (!(error instanceof KeymgmtError) || error.code !== 'KMS_KEY_NOT_FOUND') return false
  if (!('version' in step)) return false
  const region = step.action === 'replicate' ? provider.region : step.region
  const entry = createdKmsKeyAt(distribution.current, step.version, region)
  if (!entry || results.isNew(entry)) return false
  const isMissing = async () => {
    await assertPlaceOf(context)
    return (await provider.inspect(region, entry.key)) === undefined
  }
  if (!(await isMissing().catch(() => false))) return false
  await writeKmsKey(context, lost(entry))
  results.lost({ ...step, region }, entry.key.id)
  return true
}

/**
 * Reconciles the distributions, and completes a rotation that has reached all of them. Other
 * distributions of the key are only resumed: a failure there is skipped, and reported as a notice.
 * @throws KeymgmtError of the first step that failed, after everything that could be done was done
 * and every outcome was reported.
 */
export async function reconcileKey(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  distributions: readonly NamedDistribution[],
  isAsked: (named: NamedDistribution) => boolean = () => true,
): Promise<void> {
  const results = await Promise.all(
    distributions.map(async (named) => {
      const result = await attempt(engine, key.current, named)
      return isAsked(named) || result.error === undefined || isFinal(result.error)
        ? result
        : skipFailed(engine, key.current, named, result)
    }),
  )
  if (!results.some(({ error }) => error !== undefined && isFinal(error)))
    await completeRotation(engine, key)
  conclude(engine, results)
}

/** Turns the failures of a distribution that nobody asked for into skipped outcomes. */
function skipFailed(
  engine: Engine,
  { name }: KeyRecord,
  { providerName }: NamedDistribution,
  { outcomes, error }: ReconcileResult,
): ReconcileResult {
  const reason = error instanceof KeymgmtError ? error.message : 'an unexpected failure'
  engine.notice(
    `An interrupted command on ${name} in ${providerName} is still unfinished: ${reason}`,
  )
  return {
    outcomes: outcomes.map((outcome) =>
      outcome.state === 'failed' ? { ...outcome, state: 'skipped' } : outcome,
    ),
  }
}

/** The version of a rotation is the latest once every distribution that can have it has it. */
async function completeRotation(engine: Engine, key: RecordHandle<KeyRecord>): Promise<void> {
  const { name, pending_version } = key.current
  if (pending_version === undefined) return
  const unfinished = (await distributionsOf(engine, name)).filter(
    ({ distribution }) => interruptionOf(key.current, distribution.current) === 'distribution',
  )
  if (unfinished.length > 0) return
  await key.update((current) => ({
    ...without(current, 'pending_version'),
    latest_version: pending_version,
  }))
}
