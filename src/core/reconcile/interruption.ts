import { KeymgmtError, withHints } from '../../errors.js'
import type { DistributionRecord, KeyRecord } from '../records/model.js'
import { waysForward, type Takedown } from '../records/takedown.js'
import { plan, planWithoutTrim } from './plan.js'

/** The kind of command that did not finish its work on a distribution. */
export type Interruption = 'distribution' | 'trim' | Takedown

/** PURE: returns the unfinished command on a distribution; undefined if there is none. */
export function interruptionOf(
  key: KeyRecord,
  distribution: DistributionRecord,
): Interruption | undefined {
  const takedown = takedownOf(key, distribution)
  if (takedown) return takedown
  if (planWithoutTrim(key, distribution).length > 0) return 'distribution'
  return plan(key, distribution).length > 0 ? 'trim' : undefined
}

/**
 * PURE: returns the removal or revocation that did not finish. Only the command that started it
 * finishes it. A finished removal is archived.
 */
export function takedownOf(key: KeyRecord, distribution: DistributionRecord): Takedown | undefined {
  if (distribution.state === 'removed') return 'removal'
  const isLeft =
    distribution.state === 'revoked' &&
    plan(key, distribution)
      .flat(2)
      .some(({ action }) => action === 'delete-material' || action === 'disable')
  return isLeft ? 'revocation' : undefined
}

/** Says that an unfinished removal or revocation was left alone, and how to proceed. */
export function describeSkipped(takedown: Takedown, providerName: string, key: string): string {
  const { finish, restore } = waysForward(takedown, providerName, key)
  return `Skipped ${key} in ${providerName}: its ${takedown} was started and did not finish. To finish it: ${finish}; to reverse it: ${restore}`
}

/** Returns the error of a command that needs an active distribution. */
export function takedownError(takedown: Takedown, providerName: string, key: string): KeymgmtError {
  return new KeymgmtError(
    'DISTRIBUTION_DIFFERS',
    `the ${takedown} of ${key} in ${providerName} was started and did not finish`,
    { hints: waysForwardHints(takedown, providerName, key) },
  )
}

/**
 * Runs a removal or a revocation.
 * @throws the error of `work`, with hints that name both ways forward. With an older copy of the
 * store, neither works.
 */
export async function withWaysForward<T>(
  takedown: Takedown,
  providerName: string,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof KeymgmtError && error.code === 'STORE_OUTDATED') throw error
    throw withHints(error, waysForwardHints(takedown, providerName, key))
  }
}

function waysForwardHints(takedown: Takedown, providerName: string, key: string): string[] {
  const { finish, restore } = waysForward(takedown, providerName, key)
  return [`to finish the ${takedown}: ${finish}`, `to reverse it: ${restore}`]
}
