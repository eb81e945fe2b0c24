import type { Engine } from '../engine.js'
import { assertAgree } from '../records/agreement.js'
import { isInPlace } from '../records/kms-keys.js'
import type { KeyRecord } from '../records/model.js'
import { distributionsOf, type NamedDistribution } from '../records/repository.js'
import { repairCommand, trimWays, waysForward, type Takedown } from '../records/takedown.js'
import { isBehind, versionsBehind } from './behind.js'
import { describeSkipped, interruptionOf, takedownOf } from './interruption.js'

/**
 * Returns the distributions of the key that a command may work on: all except those whose removal
 * or revocation did not finish. A notice names each of these, with both ways forward.
 */
export async function workableDistributions(
  engine: Engine,
  key: KeyRecord,
): Promise<NamedDistribution[]> {
  return workableAmong(engine, key, await distributionsOf(engine, key.name))
}

/** Returns the ones of `all` that a command may work on, as {@link workableDistributions} does. */
export function workableAmong(
  engine: Engine,
  key: KeyRecord,
  all: readonly NamedDistribution[],
): NamedDistribution[] {
  assertAllAgree(key, all)
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
  assertAllAgree(key, all)
  return all
}

function assertAllAgree(key: KeyRecord, all: readonly NamedDistribution[]): void {
  for (const { providerName, distribution } of all)
    assertAgree(key, providerName, distribution.current)
}

/** Reports a distribution that the command skips, with both ways forward. */
export function reportSkipped(
  engine: Engine,
  key: string,
  takedown: Takedown,
  { providerName, distribution }: NamedDistribution,
): void {
  engine.notice(describeSkipped(takedown, providerName, key))
  const { finish, restore } = waysForward(takedown, providerName, key)
  for (const { version, region } of distribution.current.kmsKeys)
    engine.outcome({
      provider: providerName,
      region,
      version,
      action: takedown === 'removal' ? 'schedule-deletion' : 'delete-material',
      state: 'skipped',
      reason: `its ${takedown} was started and did not finish`,
      nextStep: `${finish}, or ${restore}`,
    })
}

/**
 * Returns the distributions that a command may work on, as {@link workableDistributions} does.
 * Gives notice of unfinished work of earlier commands that this command also does, except for the
 * provider `requested`, which the command is about.
 */
export async function resumableDistributions(
  engine: Engine,
  key: KeyRecord,
  requested?: string,
): Promise<NamedDistribution[]> {
  const distributions = await workableDistributions(engine, key)
  noticeUnfinished(
    engine,
    key,
    distributions.filter(({ providerName }) => providerName !== requested),
  )
  return distributions
}

/** Gives notice of the work that earlier commands left unfinished. */
function noticeUnfinished(
  engine: Engine,
  key: KeyRecord,
  distributions: readonly NamedDistribution[],
): void {
  for (const named of distributions) {
    const { providerName, distribution } = named
    if (isBehind(key, distribution.current))
      engine.notice(`Also bringing up to date: ${describeBehind(key, named)}`)
    else if (interruptionOf(key, distribution.current) === 'distribution')
      engine.notice(`Also finishing an interrupted command on ${key.name} in ${providerName}`)
    else if (interruptionOf(key, distribution.current) === 'trim')
      engine.notice(
        `Skipped the trim of ${key.name} in ${providerName}, which did not finish: ${trimWays(key)}`,
      )
  }
}

/** Returns a sentence about the versions that the distribution lacks, and the reason. */
export function describeBehind(
  key: KeyRecord,
  { providerName, distribution: { current } }: NamedDistribution,
): string {
  const versions = versionsBehind(key, current)
  const lacking = `${versions.length === 1 ? 'version' : 'versions'} ${versions.join(', ')}`
  const reason = current.behind?.reason ?? 'a command did not finish'
  return `${key.name} in ${providerName} lacks ${lacking} (${reason})`
}

/** Reports a distribution that a rotation leaves out. */
export function reportLeftOut(
  engine: Engine,
  key: string,
  version: number,
  { providerName, distribution }: NamedDistribution,
): void {
  const [primary] = distribution.current.regions
  const actionIn = (region: string) => (region === primary ? 'create' : 'replicate')
  for (const region of distribution.current.regions)
    engine.outcome({
      provider: providerName,
      region,
      version,
      action: isInPlace(distribution.current) ? 'import' : actionIn(region),
      state: 'skipped',
      reason: LEFT_OUT,
      nextStep: `to bring it up to date: ${repairCommand(providerName, key)}`,
    })
}

/** The reason why a distribution is behind if a rotation left it out. */
export const LEFT_OUT = 'left out of the rotation (without)'
