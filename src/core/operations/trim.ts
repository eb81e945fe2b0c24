import { KeymgmtError, withHints } from '../../errors.js'
import { inParallel } from '../../parallel.js'
import type { Engine } from '../engine.js'
import { assertAllNewest } from '../reconcile/newer.js'
import { plan, type Step } from '../reconcile/plan.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { workableDistributions } from '../reconcile/resume.js'
import { isScheduled } from '../reconcile/step.js'
import { assertReplicasRecorded } from '../reconcile/unrecorded-replicas.js'
import { createdKmsKeys, isInPlace } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import type { CreatedKmsKey, KeyRecord } from '../records/model.js'
import { requireKey, type NamedDistribution } from '../records/repository.js'
import { trimCommand } from '../records/takedown.js'
import { isTrimmed } from '../records/trimmed.js'
import { recordCancelledDeletions } from './cancelled-deletions.js'
import { readLastUse, type KmsKeyUse } from './last-use.js'

/** The result of {@link trimKey}. */
export interface Trim {
  /** The last use of each KMS key that was scheduled for deletion, read before that. */
  readonly uses: readonly KmsKeyUse[]
  /** Number of KMS keys whose deletion this call scheduled. */
  readonly scheduled: number
  /** Number of KMS keys whose deletion this call cancelled. */
  readonly cancelled: number
  /** The first date on which AWS deletes a KMS key of a trimmed version; undefined for none. */
  readonly firstDeletion: string | undefined
  /** `min_available_version` before. */
  readonly before: number
}

/**
 * Schedules the KMS keys of the versions below `minAvailableVersion` for deletion, in every
 * distribution with rotation by alias, and cancels the deletion of the KMS keys of all other
 * versions. The originals stay. Only the same call finishes an interrupted call.
 * @throws KeymgmtError KEY_NOT_FOUND; FIELD_INVALID if a lower version is not disabled; unless
 * `allowRecentUse`, KMS_KEY_IN_USE if a KMS key was used within 30 days or its last use is unknown;
 * STORE_OUTDATED if AWS has KMS keys that this store does not know (these errors leave everything
 * unchanged); errors of the KMS.
 */
export async function trimKey(
  engine: Engine,
  name: string,
  minAvailableVersion: number,
  { allowRecentUse = false }: { readonly allowRecentUse?: boolean | undefined } = {},
): Promise<Trim> {
  const purpose = `write keymgmt/key/${name}/trim`
  return withKeyLock(engine.store, name, purpose, async () => {
    const key = await requireKey(engine, name)
    const before = key.current.minAvailableVersion ?? 0
    assertDisabled(key.current, minAvailableVersion)
    const wanted = { ...key.current, minAvailableVersion }
    const distributions = await workableDistributions(engine, key.current)
    const trimmed = (named: NamedDistribution) => kmsKeysToTrim(wanted, named)
    await inParallel(distributions, (named) =>
      recordCancelledDeletions(engine, named, trimmed(named)),
    )
    const uses = await inParallel(distributions, (named) =>
      readLastUse(
        engine,
        named.providerName,
        trimmed(named).filter((entry) => !isScheduled(entry)),
      ),
    )
    if (!allowRecentUse) assertUnused(engine, name, minAvailableVersion, uses.flat())
    if (minAvailableVersion > before) {
      await assertAllNewest(engine, key.current, distributions)
      await inParallel(distributions, (named) =>
        assertReplicasRecorded(engine, key.current, named, (version) =>
          isTrimmed(wanted, named.distribution.current, version),
        ),
      )
    }
    if (minAvailableVersion !== before)
      await key.update((current) => ({ ...current, minAvailableVersion }))
    reportInPlace(engine, minAvailableVersion, distributions)
    const earlier = scheduledIn(distributions)
    const isRequested = (step: Step) =>
      !('version' in step) || step.version < key.current.latestVersion
    await reconcileKey(engine, key, distributions, { planOf: plan, isRequested }).catch(
      (error: unknown) => {
        throw withHints(error, [
          `to finish it: ${trimCommand(name, minAvailableVersion)}${allowRecentUse ? ' allow_recent_use=true' : ''}`,
          ...(minAvailableVersion > before ? [`to cancel it: ${trimCommand(name, before)}`] : []),
        ])
      },
    )
    const later = scheduledIn(distributions)
    return {
      uses: uses.flat(),
      scheduled: [...later.keys()].filter((arn) => !earlier.has(arn)).length,
      cancelled: [...earlier.keys()].filter((arn) => !later.has(arn)).length,
      firstDeletion: [...later.values()].filter((date) => date !== '').sort()[0],
      before,
    }
  })
}

/**
 * Versions must be disabled first, so that an application that still uses one fails before its KMS
 * key is deleted.
 */
function assertDisabled(
  { name, minEnabledVersion, latestVersion }: KeyRecord,
  minimum: number,
): void {
  if (minimum <= Math.max(1, minEnabledVersion)) return
  // Don't repeat the value: it may have come from a file.
  if (minimum > latestVersion)
    throw new KeymgmtError('FIELD_INVALID', 'min_available_version is not a version of this key', {
      hints: [`its latest version is ${latestVersion}`],
    })
  throw new KeymgmtError(
    'FIELD_INVALID',
    `min_available_version=${minimum} is above min_enabled_version=${minEnabledVersion}: only disabled versions can be trimmed`,
    {
      hints: [
        `first disable them, and watch for errors: keymgmt write keymgmt/key/${name} min_enabled_version=${minimum}`,
      ],
    },
  )
}

/** The KMS keys of the versions that the new minimum trims. */
function kmsKeysToTrim(key: KeyRecord, { distribution }: NamedDistribution): CreatedKmsKey[] {
  const record = distribution.current
  return createdKmsKeys(record).filter(({ version }) => isTrimmed(key, record, version))
}

/** The ARNs of the KMS keys that are scheduled for deletion, with the date or an empty text. */
function scheduledIn(distributions: readonly NamedDistribution[]): Map<string, string> {
  return new Map(
    distributions
      .flatMap(({ distribution }) => createdKmsKeys(distribution.current))
      .flatMap(({ key, deletion }) => (deletion ? [[key.arn, deletion.date ?? ''] as const] : [])),
  )
}

const DAY_MS = 86_400_000

/** A version that was used within this time is probably still needed. */
const RECENT_DAYS = 30

/** @throws KeymgmtError KMS_KEY_IN_USE */
function assertUnused(
  { now }: Engine,
  name: string,
  minimum: number,
  uses: readonly KmsKeyUse[],
): void {
  const since = new Date(now().getTime() - RECENT_DAYS * DAY_MS)
  const found = uses.flatMap((each) => {
    const problem = problemOf(each, since)
    return problem === undefined
      ? []
      : [`version ${each.version} in ${each.providerName}, ${each.region}: ${problem}`]
  })
  if (found.length === 0) return
  throw new KeymgmtError(
    'KMS_KEY_IN_USE',
    `versions of ${name} may still be in use: ${found.join('; ')}`,
    {
      hints: [
        ...(uses.some(({ use }) => 'unknown' in use)
          ? ['to find out the last use, allow kms:GetKeyLastUsage on the KMS keys']
          : []),
        'nothing was changed; AWS cannot bring back a deleted symmetric KMS key, not even from its material',
        `to trim them anyway: ${trimCommand(name, minimum)} allow_recent_use=true`,
      ],
    },
  )
}

/** The reason why a KMS key may still be in use. */
function problemOf({ use }: KmsKeyUse, since: Date): string | undefined {
  if ('unknown' in use) return `its last use is unknown (${use.unknown})`
  const { last, trackedSince, created } = use
  if (last)
    return last.at > since
      ? `it was last used on ${last.at.toISOString()} (${last.operation})`
      : undefined
  // If AWS has recorded uses since the KMS key was created, it was never used.
  return trackedSince > since && trackedSince > created
    ? `its last use is unknown (AWS has recorded uses only since ${trackedSince.toISOString()})`
    : undefined
}

function reportInPlace(
  engine: Engine,
  minimum: number,
  distributions: readonly NamedDistribution[],
): void {
  for (const { providerName, distribution } of distributions)
    for (const { region, materials } of createdKmsKeys(distribution.current))
      for (const { version } of materials)
        if (isInPlace(distribution.current) && version < minimum)
          engine.outcome({
            provider: providerName,
            region,
            version,
            action: 'schedule-deletion',
            state: 'not-applicable',
            reason: 'it is rotated in place: one KMS key has all versions',
            nextStep: 'nothing to do: AWS charges for at most three versions of it',
          })
}
