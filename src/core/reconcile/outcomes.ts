import { KeymgmtError } from '../../errors.js'
import type { Outcome } from '../engine.js'
import { primaryRegion } from '../records/kms-keys.js'
import type { KmsKeyPlace } from '../records/model.js'
import type { NamedDistribution } from '../records/repository.js'
import { waysForward } from '../records/takedown.js'
import type { Step } from './plan.js'

/** Actions without which a KMS key can be neither used nor replicated. */
const ENABLING: readonly Step['action'][] = [
  'create',
  'replicate',
  'import',
  'enable',
  'cancel-deletion',
]

/**
 * The actions at one place, in order of importance: the first one that was taken names the outcome.
 */
const BY_WEIGHT: readonly Step['action'][] = [
  'create',
  'replicate',
  'schedule-deletion',
  'delete-material',
  'cancel-deletion',
  'rotate',
  'move-primary',
  'import',
  'renew',
  'point-alias',
  'remove-alias',
  'enable',
  'disable',
  'tag',
  'set-description',
  'set-policy',
]

/**
 * PURE: true if `step` must not be taken because `failed` failed; `primary` is the Region of the
 * primary of its version.
 */
export function dependsOn(step: Step, failed: Step, primary: string): boolean {
  const enabling = ENABLING.includes(failed.action)
  if (placeOf(step) === placeOf(failed)) return step.action === failed.action || enabling
  const sameRegion = step.region === failed.region
  // An alias must never point to a KMS key that can't be used.
  if ('alias' in failed)
    return (
      sameRegion &&
      (step.action === 'schedule-deletion' ||
        (failed.action === 'point-alias' && step.action === 'disable'))
    )
  if (step.action === 'remove-alias' || step.version !== failed.version) return false
  if (step.action === 'point-alias') return sameRegion && enabling
  if (step.action === 'replicate') return failed.region === primary && enabling
  if (step.action === 'move-primary') return failed.region === step.to && enabling
  return (
    step.action === 'schedule-deletion' &&
    step.region === primary &&
    failed.action === 'schedule-deletion'
  )
}

function placeOf(step: Step): string {
  return 'alias' in step ? `${step.region} ${step.alias}` : `${step.region} ${step.version}`
}

/** True if no further step may start after this error: the command ends, or the store failed. */
export function isFinal(error: unknown): boolean {
  return (
    !(error instanceof KeymgmtError) ||
    error.code === 'INTERRUPTED' ||
    error.code === 'KMS_TIMEOUT' ||
    isStoreFailure(error)
  )
}

/** True if the store could not be read or written. */
export function isStoreFailure(error: unknown): boolean {
  return error instanceof KeymgmtError && error.code.startsWith('STORE_')
}

/** The results of the steps of one distribution. */
export interface StepResults {
  done(step: Step): void
  /** True if the KMS key was created by these steps: AWS may not show it yet. */
  isNew(place: KmsKeyPlace): boolean
  /** Notes that AWS no longer has the step's KMS key, `id`. */
  lost(step: Step, id: string): void
  /** Notes that the step can't be taken until AWS has material that is not in this store. */
  replaced(step: Step, id: string): void
  /**
   * Notes that the step failed. The first failure at a place is its outcome; later ones only block
   * the steps that depend on them.
   */
  failed(step: Step, error: unknown): void
  /** Returns the failed step that blocks `step`. */
  blockerOf(step: Step): Step | undefined
  /** Notes that `step` was not taken because of `blocker`. */
  blocked(step: Step, blocker: Step): void
  /** The first error, and every outcome: one for each place. */
  result(): ReconcileResult
}

/** The result of reconciling one distribution. */
export interface ReconcileResult {
  readonly outcomes: readonly Outcome[]
  /** Undefined if nothing failed. */
  readonly error?: Error
}

/** Collects the results of the steps of `named`. */
export function collectResults(key: string, named: NamedDistribution): StepResults {
  const { providerName, distribution } = named
  const failures: Step[] = []
  const errors: Error[] = []
  const created = new Set<string>()
  const outcomes = new Map<string, Outcome>()
  const fail = (step: Step, reason: string, nextStep: string) => {
    failures.push(step)
    const place = placeOf(step)
    if (outcomes.get(place)?.state === 'failed') return
    outcomes.set(place, { ...subjectOf(step, providerName), state: 'failed', reason, nextStep })
  }
  return {
    done: (step) => {
      if (step.action === 'create' || step.action === 'replicate') created.add(placeOf(step))
      const known = outcomes.get(placeOf(step))
      if (known && (known.state === 'failed' || weight(known.action) <= weight(step.action))) return
      outcomes.set(placeOf(step), { ...subjectOf(step, providerName), state: 'done' })
    },
    isNew: ({ version, region }) => created.has(`${region} ${version}`),
    lost: (step, id) => {
      outcomes.set(placeOf(step), {
        ...subjectOf(step, providerName),
        state: 'lost',
        reason: `AWS no longer has KMS key ${id}`,
        nextStep: `no command waits for it; to compare the records with AWS: keymgmt read keymgmt/kms/${providerName}/key/${key}/verify`,
      })
    },
    replaced: (step, id) => {
      outcomes.set(placeOf(step), {
        ...subjectOf(step, providerName),
        state: 'lost',
        reason: `somebody rotated KMS key ${id} in place to other material, which is not in AWS any more`,
        nextStep: `its owner can import that material again; for a new KMS key: keymgmt write -f keymgmt/key/${key}/rotate`,
      })
    },
    failed: (step, thrown) => {
      const error = explain(thrown, key, named)
      errors.push(asError(error))
      fail(step, messageOf(error), nextStepOf(error, key, named))
    },
    blockerOf: (step) => {
      const primary = 'version' in step ? primaryRegion(distribution.current, step.version) : ''
      return failures.find((failed) => dependsOn(step, failed, primary))
    },
    blocked: (step, blocker) => {
      const subject = 'alias' in blocker ? blocker.alias : `version ${blocker.version}`
      const reason = `waits for ${subject} in ${blocker.region}, which failed (${blocker.action})`
      const isFailed = failures.some(
        (failed) => failed.action === step.action && placeOf(failed) === placeOf(step),
      )
      if (!isFailed) fail(step, reason, outcomes.get(placeOf(blocker))?.nextStep ?? AGAIN)
    },
    result: () => ({
      outcomes: [...outcomes.values()],
      ...(errors.length > 0 && { error: errors[0] }),
    }),
  }
}

/** AWS's errors about the state of a KMS key, which somebody else may have changed. */
const STATE_ERRORS: readonly unknown[] = ['KMSInvalidStateException', 'DisabledException']

/** Adds the hints that need the names of the key and the provider. */
function explain(
  error: unknown,
  key: string,
  { providerName, distribution }: NamedDistribution,
): unknown {
  const isAboutState =
    error instanceof KeymgmtError &&
    (error.code === 'KMS_KEY_NOT_FOUND' || STATE_ERRORS.includes(error.awsError))
  if (!isAboutState) return error
  const path = `keymgmt/kms/${providerName}/key/${key}`
  return error.withHints([
    ...(distribution.current.state === 'active'
      ? [`to record its state in AWS and to correct it: keymgmt write -f ${path}/repair`]
      : []),
    `to compare the records with AWS: keymgmt read ${path}/verify`,
  ])
}

/** Returns an error unchanged, and wraps any other thrown value. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('unexpected failure', { cause: error })
}

function weight(action: string): number {
  return BY_WEIGHT.findIndex((known) => known === action)
}

function subjectOf(step: Step, provider: string): Omit<Outcome, 'state'> {
  const { action, region } = step
  return {
    provider,
    region,
    ...('version' in step && { version: step.version }),
    ...('alias' in step && { alias: step.alias }),
    action,
  }
}

/** Only our own messages are safe: others may repeat their input. */
function messageOf(error: unknown): string {
  return error instanceof KeymgmtError ? error.message : 'an unexpected failure'
}

const AGAIN = 'run the same command again'

function nextStepOf(
  error: unknown,
  key: string,
  { providerName, distribution }: NamedDistribution,
): string {
  const { state } = distribution.current
  if (state !== 'active') {
    const takedown = state === 'removed' ? 'removal' : 'revocation'
    const { finish, restore } = waysForward(takedown, providerName, key)
    return `${finish}, or ${restore}`
  }
  const hints = error instanceof KeymgmtError ? error.hints : []
  return hints.length > 0 ? hints.join('; ') : AGAIN
}
