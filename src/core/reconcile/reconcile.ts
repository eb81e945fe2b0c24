import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { without, type KeyRecord } from '../records/model.js'
import type { RecordHandle } from '../records/record.js'
import { distributionsOf, type NamedDistribution } from '../records/repository.js'
import { attempt } from './attempt.js'
import { isBehind, servesNewest } from './behind.js'
import { isFinal, isStoreFailure, type ReconcileResult } from './outcomes.js'
import { planWithoutTrim, type Planner, type Step } from './plan.js'

/**
 * Brings one distribution to its desired state. Archives it if it is removed.
 * @throws KeymgmtError of the first failed step, after all other work is done and every outcome is
 * reported.
 */
export async function reconcile(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  named: NamedDistribution,
): Promise<void> {
  const { outcomes, error } = await attempt(engine, key.current, named)
  for (const outcome of outcomes) engine.outcome(outcome)
  if (error) throw error
  await advanceLatest(engine, key)
}

/** The part of a reconciliation that the command requested. */
export interface ReconcileRequest {
  /**
   * True for a step that is part of the request. The default is every step. The command fails only
   * if such a step remains; other steps finish the work of earlier commands.
   */
  readonly isRequested?: (step: Step, named: NamedDistribution) => boolean
  /** The providers that a rotation does not work on or wait for. */
  readonly leftOut?: readonly string[]
  /** Returns the steps to take. The default is all but the deletions of `trim`. */
  readonly planOf?: Planner
  /** All distributions of the key, if the command has read them. */
  readonly all?: readonly NamedDistribution[]
}

/**
 * Reconciles the distributions, and makes a pending version the latest as soon as one of the key's
 * distributions has it.
 * @throws KeymgmtError of the first step that failed, if a requested step remains, after everything
 * that could be done was done and every outcome was reported.
 */
export async function reconcileKey(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  distributions: readonly NamedDistribution[],
  { isRequested = () => true, leftOut = [], planOf = planWithoutTrim, all }: ReconcileRequest = {},
): Promise<void> {
  const results = await Promise.all(
    distributions.map(async (named) => {
      const result = await attempt(engine, key.current, named, planOf)
      const remaining = planOf(key.current, named.distribution.current).flat(2)
      return result.error === undefined ||
        isFinal(result.error) ||
        remaining.some((step) => isRequested(step, named))
        ? result
        : skipFailed(engine, key.current, named, result)
    }),
  )
  for (const { outcomes } of results) for (const outcome of outcomes) engine.outcome(outcome)
  const errors = results.flatMap(({ error }) => error ?? [])
  if (!errors.some(isStoreFailure)) await advanceLatest(engine, key, leftOut, all)
  if (errors[0]) throw errors[0]
}

/**
 * Reconciles the requested distribution, and resumes the others of the key.
 * @throws KeymgmtError as {@link reconcileKey} does, if a step of the requested one remains.
 */
export function reconcileOne(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  requested: NamedDistribution,
  all: readonly NamedDistribution[],
): Promise<void> {
  const others = all.filter(({ providerName }) => providerName !== requested.providerName)
  return reconcileKey(engine, key, [requested, ...others], {
    isRequested: (_step, named) => named === requested,
  })
}

/** Reports failures of steps that were not requested as skipped. */
function skipFailed(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
  { outcomes, error }: ReconcileResult,
): ReconcileResult {
  const reason = error instanceof KeymgmtError ? error.message : 'an unexpected failure'
  engine.notice(`${describeRemaining(key, named)}: ${reason}`)
  return {
    outcomes: outcomes.map((outcome) =>
      outcome.state === 'failed' ? { ...outcome, state: 'skipped' } : outcome,
    ),
  }
}

function describeRemaining(
  key: KeyRecord,
  { providerName, distribution }: NamedDistribution,
): string {
  const subject = `${key.name} in ${providerName}`
  return isBehind(key, distribution.current)
    ? `${subject} is still behind`
    : `An earlier command on ${subject} is still unfinished`
}

/**
 * Makes the pending version the latest if a distribution has it, or if no distribution can get it.
 * Does not wait for a distribution that is left out, removed or revoked.
 */
async function advanceLatest(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  leftOut: readonly string[] = [],
  all?: readonly NamedDistribution[],
): Promise<void> {
  const { name, pendingVersion } = key.current
  if (pendingVersion === undefined) return
  const records = (all ?? (await distributionsOf(engine, name)))
    .filter(({ providerName }) => !leftOut.includes(providerName))
    .map(({ distribution }) => distribution.current)
  const isServed = records.some((record) => servesNewest(key.current, record))
  if (!isServed && records.some((record) => isBehind(key.current, record))) return
  await key.update((current) => ({
    ...without(current, 'pendingVersion'),
    latestVersion: pendingVersion,
  }))
}
