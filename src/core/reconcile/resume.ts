import type { Engine } from '../engine.js'
import { assertAgree } from '../records/agreement.js'
import type { KeyRecord } from '../records/model.js'
import { distributionsOf, type NamedDistribution } from '../records/repository.js'
import { waysForward, type Takedown } from '../records/takedown.js'
import { describeSkipped, interruptionOf, takedownOf } from './interruption.js'

/**
 * The distributions of the key that a command may work on: all but those whose removal or
 * revocation did not finish. A notice names each of those, with both ways forward.
 */
export async function workableDistributions(
  engine: Engine,
  key: KeyRecord,
): Promise<NamedDistribution[]> {
  const all = await agreeingDistributions(engine, key)
  return all.filter((named) => {
    const takedown = takedownOf(key, named.distribution.current)
    if (takedown) reportSkipped(engine, key.name, takedown, named)
    return takedown === undefined
  })
}

/** The distributions of the key. @throws KeymgmtError STORE_CORRUPT if one is of another key. */
export async function agreeingDistributions(
  engine: Engine,
  key: KeyRecord,
): Promise<NamedDistribution[]> {
  const all = await distributionsOf(engine, key.name)
  for (const { providerName, distribution } of all)
    assertAgree(key, providerName, distribution.current)
  return all
}

/** Reports a distribution that is left alone, with both ways forward. */
export function reportSkipped(
  engine: Engine,
  key: string,
  takedown: Takedown,
  { providerName, distribution }: NamedDistribution,
): void {
  engine.notice(describeSkipped(takedown, providerName, key))
  const { finish, restore } = waysForward(takedown, providerName, key)
  for (const { version, region } of distribution.current.kms_keys)
    engine.outcome({
      provider: providerName,
      region,
      version,
      action: takedown === 'removal' ? 'schedule-deletion' : 'delete-material',
      state: 'skipped',
      reason: `its ${takedown} was started and did not finish`,
      wayOut: `${finish}, or ${restore}`,
    })
}

/**
 * The same, and says what an interrupted command left to be finished with them. A removal or a
 * revocation is left to the command that started it.
 */
export async function resumableDistributions(
  engine: Engine,
  key: KeyRecord,
): Promise<NamedDistribution[]> {
  const distributions = await workableDistributions(engine, key)
  noticeUnfinished(engine, key, distributions)
  return distributions
}

/** Says what an interrupted command left to be finished with the distributions. */
export function noticeUnfinished(
  engine: Engine,
  key: KeyRecord,
  distributions: readonly NamedDistribution[],
): void {
  const unfinished = distributions.filter(({ distribution }) =>
    interruptionOf(key, distribution.current),
  )
  if (key.pending_version !== undefined || unfinished.length > 0)
    engine.notice(`First finishing an interrupted command: ${describeUnfinished(key, unfinished)}`)
}

function describeUnfinished(
  { name, pending_version }: KeyRecord,
  unfinished: readonly NamedDistribution[],
): string {
  if (pending_version !== undefined) return `the rotation of ${name} to version ${pending_version}`
  return unfinished
    .map(({ providerName }) => `the distribution of ${name} in ${providerName}`)
    .join(', ')
}
