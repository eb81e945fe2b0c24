import { KEY_TYPES } from '../../crypto/key-types.js'
import { KeymgmtError, withHints, type ErrorCode } from '../../errors.js'
import { didYouMean } from '../../suggest.js'
import type { Engine } from '../engine.js'
import { isBehind, versionAddedBy } from '../reconcile/behind.js'
import { assertAllNewest } from '../reconcile/newer.js'
import { newestVersion, type Step } from '../reconcile/plan.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { describeBehind, LEFT_OUT, reportLeftOut, workableAmong } from '../reconcile/resume.js'
import { isInPlace } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import type { KeyRecord } from '../records/model.js'
import type { RecordHandle } from '../records/record.js'
import { distributionsOf, requireKey, type NamedDistribution } from '../records/repository.js'
import { forgetCommand } from '../records/takedown.js'
import { createVersion } from './keys.js'
import { renewEarlier } from './renew.js'

/**
 * Creates a version, adds it to every distribution and moves the aliases. The version is the latest
 * as soon as one distribution has it; the others are behind. While a distribution is behind, a call
 * only brings it up to date, so that repeating a failed call creates no further version. Skips the
 * providers of `without`, and does not wait for them.
 * @throws KeymgmtError KEY_NOT_FOUND; FIELD_INVALID if the key is not distributed to a provider of
 * `without`; errors of the KMS if a distribution is behind, after which the same call resumes.
 * @returns the key as it is then.
 */
export async function rotateKey(
  engine: Engine,
  name: string,
  options: { readonly without?: readonly string[] | undefined } = {},
): Promise<KeyRecord> {
  return (await rotate(engine, name, options)).key
}

/** Options of {@link rotate}. */
export interface RotateOptions {
  /** The providers to leave out. */
  readonly without?: readonly string[] | undefined
  /** Returns false to change nothing. Called while no other command can change the key. */
  readonly onlyIf?: (key: KeyRecord, distributions: readonly NamedDistribution[]) => boolean
}

/** Rotates a key like {@link rotateKey}, and also returns all distributions of the key. */
export async function rotate(
  engine: Engine,
  name: string,
  { without, onlyIf }: RotateOptions,
): Promise<{ readonly key: KeyRecord; readonly distributions: readonly NamedDistribution[] }> {
  const leftOut = without ?? []
  return withKeyLock(engine.store, name, `rotate keymgmt/key/${name}`, async () => {
    const [key, all] = await Promise.all([requireKey(engine, name), distributionsOf(engine, name)])
    if (onlyIf?.(key.current, all) === false) return { key: key.current, distributions: all }
    if (without) assertDistributed(name, all, without)
    const isLeftOut = ({ providerName }: NamedDistribution) => leftOut.includes(providerName)
    const workable = workableAmong(engine, key.current, all)
    const included = workable.filter((named) => !isLeftOut(named))
    const isResumed = explainResumed(engine, key.current, included)
    if (!isResumed) await renewEarlier(included)
    const created = isResumed
      ? undefined
      : await addVersion(engine, key, all, await KEY_TYPES[key.current.type].generate())
    for (const named of workable.filter(isLeftOut)) await leaveOut(engine, key.current, named)
    try {
      // With rotation in place, the new version can't be used without the earlier material.
      const isRequested = (step: Step, named: NamedDistribution) =>
        versionAddedBy(step) !== undefined ||
        (step.action === 'renew' && isInPlace(named.distribution.current))
      await reconcileKey(engine, key, included, { isRequested, leftOut, all })
    } catch (error) {
      throw rotationError(error, key.current, created, included, leftOut)
    }
    return { key: key.current, distributions: all }
  })
}

function assertDistributed(
  name: string,
  distributions: readonly NamedDistribution[],
  providers: readonly string[],
): void {
  const known = distributions.map(({ providerName }) => providerName)
  const unknown = providers.find((provider) => !known.includes(provider))
  if (unknown === undefined && providers.length > 0) return
  // Don't repeat the value: it may have come from a file.
  throw new KeymgmtError('FIELD_INVALID', `"without" names no provider that ${name} is in`, {
    hints: [
      ...(unknown === undefined ? [] : didYouMean(unknown, known)),
      known.length > 0
        ? `${name} is distributed to ${known.join(', ')}`
        : `${name} is not distributed to any provider`,
    ],
  })
}

/**
 * Gives notice of the reasons why this rotation creates no version; returns false if it creates
 * one.
 */
function explainResumed(
  engine: Engine,
  key: KeyRecord,
  included: readonly NamedDistribution[],
): boolean {
  const behind = included.filter(({ distribution }) => isBehind(key, distribution.current))
  if (key.pendingVersion === undefined && behind.length === 0) return false
  const reasons =
    behind.length > 0
      ? behind.map((named) => describeBehind(key, named))
      : [`the rotation of ${key.name} to version ${newestVersion(key)} did not finish`]
  engine.notice(
    `No version is created, because ${reasons.join('; ')}. This rotation only brings the key up to date. To create version ${newestVersion(key) + 1}, rotate again afterwards.`,
  )
  return true
}

async function leaveOut(engine: Engine, key: KeyRecord, named: NamedDistribution): Promise<void> {
  const { distribution } = named
  if (!isBehind(key, distribution.current)) return
  reportLeftOut(engine, key.name, newestVersion(key), named)
  if (distribution.current.behind) return
  const behind = { since: engine.now().toISOString(), reason: LEFT_OUT }
  await distribution.update((current) => ({ ...current, behind }))
}

/** The errors that a provider returns if it no longer exists. */
const UNREACHABLE: readonly ErrorCode[] = ['KMS_CREDENTIALS', 'KMS_NOT_FOUND', 'KMS_UNREACHABLE']

/** Returns the error of a rotation, with hints that say what was done and how to proceed. */
function rotationError(
  error: unknown,
  key: KeyRecord,
  created: number | undefined,
  included: readonly NamedDistribution[],
  leftOut: readonly string[],
): unknown {
  const behind = included
    .filter(({ distribution }) => isBehind(key, distribution.current))
    .map(({ providerName }) => providerName)
  const isOutdated = error instanceof KeymgmtError && error.code === 'STORE_OUTDATED'
  if (behind.length === 0 || isOutdated) return error
  const path = `keymgmt/key/${key.name}/rotate`
  const isGone = error instanceof KeymgmtError && UNREACHABLE.includes(error.code)
  return withHints(error, [
    describeProgress(key, created),
    `to bring ${behind.join(', ')} up to date without another version: keymgmt write -f ${path}`,
    `to rotate without it: keymgmt write ${path} without=${[...leftOut, ...behind].join(',')}`,
    ...(isGone
      ? behind.map(
          (name) => `if ${name} can never be reached again: ${forgetCommand(name, key.name)}`,
        )
      : []),
  ])
}

function describeProgress(
  { pendingVersion, latestVersion }: KeyRecord,
  created: number | undefined,
): string {
  const done = created === undefined ? 'no version was created' : `version ${created} was created`
  const nameOf = (version: number) => (version === created ? 'it' : `version ${version}`)
  return pendingVersion === undefined
    ? `${done}, and ${nameOf(latestVersion)} is the latest`
    : `${done}, and ${nameOf(pendingVersion)} becomes the latest as soon as one provider has it`
}

/**
 * Adds a version with this material, which it wipes. Returns the number of the version. It is
 * pending, or the latest if the key has no distribution. The caller holds the key's lock, has no
 * other pending version, has read all distributions of the key, and reconciles them afterwards.
 * @throws KeymgmtError STORE_OUTDATED
 */
export async function addVersion(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  distributions: readonly NamedDistribution[],
  material: Uint8Array,
): Promise<number> {
  const number = key.current.latestVersion + 1
  const version = await createVersion(engine, key.current, number, material, () =>
    assertAllNewest(engine, key.current, distributions),
  )
  await key.update((current) => ({
    ...current,
    ...(distributions.length > 0 ? { pendingVersion: number } : { latestVersion: number }),
    versions: { ...current.versions, [number]: version },
  }))
  return number
}
