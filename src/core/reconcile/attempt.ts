import { KeymgmtError, withHints, type ErrorCode } from '../../errors.js'
import type { Engine } from '../engine.js'
import { archiveDistribution } from '../records/archive.js'
import { createdKmsKeyAt, lost, primaryRegion } from '../records/kms-keys.js'
import { without, type DistributionRecord, type KeyRecord } from '../records/model.js'
import { repairCommand } from '../records/takedown.js'
import { inParallel } from '../../parallel.js'
import type { NamedDistribution } from '../records/repository.js'
import { assertPlaceOf, needsPlace } from './account.js'
import { isBehind } from './behind.js'
import { openContext, writeKmsKey, type ReconcileContext } from './context.js'
import { findUnrecordedKmsKeys } from './find-unrecorded.js'
import { assertNewest, dependOnNewest } from './newer.js'
import {
  asError,
  collectResults,
  isFinal,
  isStoreFailure,
  type ReconcileResult,
  type StepResults,
} from './outcomes.js'
import {
  planWithoutTrim,
  type Chain,
  type Plan,
  type Planner,
  type Stage,
  type Step,
} from './plan.js'
import { describeStep, takeStep } from './steps.js'
import { discardAbandoned } from './surplus.js'

/**
 * Takes all steps that can be taken for one distribution, and records why it is behind. Never
 * throws.
 */
export async function attempt(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
  planOf: Planner = planWithoutTrim,
): Promise<ReconcileResult> {
  const results = collectResults(key.name, named)
  try {
    if (!isSettled(key, named.distribution.current, planOf))
      await takeAllSteps(await openContext(engine, key, named), results, planOf)
    const { error } = results.result()
    if (error === undefined && named.distribution.current.state === 'removed')
      await archiveDistribution(engine, named)
    else await recordReason(engine, key, named, error)
    return results.result()
  } catch (error) {
    const steps = planOf(key, named.distribution.current).flat(2)
    for (const step of steps) results.failed(step, error)
    const result = results.result()
    if (!isStoreFailure(error))
      await recordReason(engine, key, named, result.error).catch(() => undefined)
    return { ...result, error: result.error ?? asError(error) }
  }
}

/** True if no step remains. The provider need not be opened then. */
function isSettled(key: KeyRecord, distribution: DistributionRecord, planOf: Planner): boolean {
  const isCreating = distribution.kmsKeys.some(({ state }) => state === 'creating')
  const { abandoned = [] } = distribution
  return !isCreating && abandoned.length === 0 && planOf(key, distribution).length === 0
}

/** Records the reason why the distribution is behind, or drops it if it is not. */
async function recordReason(
  { now }: Engine,
  key: KeyRecord,
  { distribution }: NamedDistribution,
  error: Error | undefined,
): Promise<void> {
  const { state, behind } = distribution.current
  if (state !== 'active') return
  if (!isBehind(key, distribution.current)) {
    if (behind) await distribution.update((current) => without(current, 'behind'))
    return
  }
  if (!(error instanceof KeymgmtError) || error.code === 'INTERRUPTED') return
  const { message: reason } = error
  if (reason === behind?.reason) return
  const since = behind?.since ?? now().toISOString()
  await distribution.update((current) => ({ ...current, behind: { since, reason } }))
}

/**
 * Brings the KMS to the desired state, as far as it can be reached. Each step is recorded before it
 * is taken and again when it is done, so this also finishes the work of an interrupted command.
 * @throws an error after which nothing more may be started.
 */
async function takeAllSteps(
  context: ReconcileContext,
  results: StepResults,
  planOf: Planner,
): Promise<void> {
  const { key, distribution } = context
  const steps = planOf(key, distribution.current).flat(2)
  // Start reading early: the steps of aliases need the archive at the end.
  if (steps.some((step) => 'alias' in step)) void context.archived().catch(() => undefined)
  if (needsPlace(steps)) await assertPlaceOf(context)
  // Before anything else, find the KMS keys whose creation is on record without an id.
  await findAllUnrecorded(context, results)
  await discardAbandoned(context)
  if (dependOnNewest(distribution, steps)) await assertNewest(context)
  // A step may make another one necessary (a new KMS key of a disabled version is enabled) or
  // impossible (a KMS key that turns out to be lost), so plan again after each stage.
  for (;;) {
    const chains = nextChains(planOf(key, distribution.current), results)
    if (chains.length === 0) return
    await runSideBySide(context, results, chains)
  }
}

/** Returns the runnable chains of the first stage that has any. */
function nextChains(stages: Plan, results: StepResults): Stage {
  for (const stage of stages) {
    const runnable = stage.filter((chain) => isRunnable(results, chain))
    if (runnable.length > 0) return runnable
  }
  return []
}

/** A Region that can't be searched blocks only the creation of its own KMS keys. */
async function findAllUnrecorded(context: ReconcileContext, results: StepResults): Promise<void> {
  const { distribution, provider } = context
  const creating = distribution.current.kmsKeys.filter(({ state }) => state === 'creating')
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
 * Runs the chains in parallel. A failed chain does not stop the others. Waits for all of them,
 * because their outcomes must be recorded.
 * @throws an error after which no chain may be started.
 */
async function runSideBySide(
  context: ReconcileContext,
  results: StepResults,
  chains: Stage,
): Promise<void> {
  await inParallel(chains, (chain) => runChain(context, results, chain))
}

/** True if the chain does not depend on a failed step. Otherwise, notes its steps as blocked. */
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
      if (await recordReplaced(context, results, step, error)) return
      failed = step
      const cause = withDeletionHint(context, await placeErrorOr(context, error))
      results.failed(step, cause)
      if (isFinal(cause)) throw cause
    }
  }
}

/**
 * Returns the error about credentials of another account, which AWS reports as a missing KMS key or
 * as a missing permission; any other error unchanged.
 */
async function placeErrorOr(context: ReconcileContext, error: unknown): Promise<unknown> {
  if (!isOneOf(error, ['KMS_KEY_NOT_FOUND', 'KMS_ACCESS_DENIED'])) return error
  return assertPlaceOf(context).then(
    () => error,
    (other: unknown) => (isOneOf(other, ['KMS_ACCOUNT_DIFFERS']) ? other : error),
  )
}

/** No step changes a KMS key whose deletion is scheduled, except the step that cancels it. */
function withDeletionHint({ key, providerName }: ReconcileContext, error: unknown): unknown {
  const isPendingDeletion =
    error instanceof KeymgmtError &&
    error.awsError === 'KMSInvalidStateException' &&
    /is pending.*deletion/s.test(error.message)
  if (!isPendingDeletion) return error
  return withHints(error, [
    `to cancel the deletion of the KMS key, which another caller of AWS scheduled: ${repairCommand(providerName, key.name)}`,
  ])
}

function isOneOf(error: unknown, codes: readonly ErrorCode[]): boolean {
  return error instanceof KeymgmtError && codes.includes(error.code)
}

/**
 * Records the KMS key of the step as lost if AWS no longer has it. The proof is that both the step
 * and a second request report it missing, the credentials are of the pinned account, and the KMS
 * key is not new.
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
  const region =
    step.action === 'replicate' ? primaryRegion(distribution.current, step.version) : step.region
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
 * Leaves a KMS key alone that somebody rotated in place to material that this store does not have,
 * and whose material was deleted. AWS does not make an earlier material current again.
 */
async function recordReplaced(
  context: ReconcileContext,
  results: StepResults,
  step: Step,
  error: unknown,
): Promise<boolean> {
  const { provider, distribution } = context
  if (step.action !== 'enable' && step.action !== 'disable') return false
  if (!(error instanceof KeymgmtError) || error.awsError !== 'KMSInvalidStateException')
    return false
  const entry = createdKmsKeyAt(distribution.current, step.version, step.region)
  const ours = entry?.materials.flatMap(({ materialId }) => materialId ?? []) ?? []
  if (!entry || ours.length === 0) return false
  const status = await provider.inspect(step.region, entry.key).catch(() => undefined)
  const isReplaced =
    status?.state === 'pending-import' && !ours.some((id) => id === status.materialId)
  if (!isReplaced) return false
  // Record it as done, so that no command tries it again. `verify` still reports the difference.
  await writeKmsKey(context, { ...entry, enabled: step.action === 'enable' })
  results.replaced(step, entry.key.id)
  return true
}
