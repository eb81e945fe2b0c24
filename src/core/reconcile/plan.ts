import { aliasName, versionAliasName } from '../records/alias-names.js'
import {
  createdKmsKeyAt,
  holdsMaterial,
  isInPlace,
  lacksOriginal,
  kmsKeyAt,
  primaryRegion,
} from '../records/kms-keys.js'
import type {
  CreatedKmsKey,
  DistributionRecord,
  DistributionState,
  KeyRecord,
  Rotation,
} from '../records/model.js'
import { droppedPart, keptPart } from '../records/dropped-regions.js'
import { isStoredVersion } from '../records/stored-versions.js'
import { isAvailableVersion, withoutTrimmed } from '../records/trimmed.js'
import { planRemoval, planTrim } from './plan-deletions.js'
import { planInPlace, planRevocationInPlace } from './plan-in-place.js'
import { planMoves } from './plan-primaries.js'
import { planRenewals } from './plan-renewals.js'
import { planSettings } from './plan-settings.js'
import { isScheduled, stepIf, type Chain, type Plan, type Stage, type Step } from './step.js'

export type { Chain, Plan, Stage, Step, StepOf } from './step.js'

/** The version that a finished rotation makes the latest. */
export function newestVersion(key: KeyRecord): number {
  return key.pendingVersion ?? key.latestVersion
}

/** True unless `min_enabled_version` disables the version. */
export function isEnabledVersion(key: KeyRecord, version: number): boolean {
  return version >= key.minEnabledVersion
}

/**
 * Returns the desired aliases of an active distribution in each Region, with the version that each
 * points to.
 */
export function wantedAliases(
  key: KeyRecord,
  distribution: DistributionRecord,
): ReadonlyMap<string, number> {
  const { name, versionAliases, customAlias } = distribution
  const names = [aliasName(name), ...(customAlias === undefined ? [] : [customAlias])]
  const latest = (version: number) => names.map((alias) => [alias, version] as const)
  if (isInPlace(distribution)) return new Map(latest(oldestVersion(key, distribution)))
  const ofVersions = versionAliases
    ? versionsOf(key)
        .filter((version) => isAvailableVersion(key, version))
        .map((version) => [versionAliasName(name, version), version] as const)
    : []
  return new Map([...latest(newestVersion(key)), ...ofVersions])
}

/** Returns all versions, including one whose rotation is not finished. */
function versionsOf(key: KeyRecord): number[] {
  return Array.from({ length: newestVersion(key) }, (_, index) => index + 1)
}

/**
 * Returns the versions whose material is in this store. The other versions can get no KMS key and
 * no import.
 */
export function storedVersionsOf(key: KeyRecord): number[] {
  return versionsOf(key).filter((version) => isStoredVersion(key, version))
}

/**
 * The oldest version in the KMS keys of a distribution with rotation in place. It never changes
 * once the record has one of them.
 */
function oldestVersion(key: KeyRecord, { kmsKeys: [entry] }: DistributionRecord): number {
  return (
    entry?.version ??
    storedVersionsOf(key).find((version) => isEnabledVersion(key, version)) ??
    newestVersion(key)
  )
}

/**
 * PURE: returns the steps that lead from the recorded state to the desired state of `key` and
 * `distribution`. An empty plan means that no step remains. Planning again after any step returns
 * the remaining steps, so an interrupted command can be resumed: the records are the journal.
 */
export function plan(key: KeyRecord, distribution: DistributionRecord): Plan {
  return withoutEmpty(
    PLANNERS[distribution.rotation ?? 'alias'][distribution.state](key, distribution),
  )
}

function withoutEmpty(stages: Plan): Plan {
  return stages
    .map((chains) => chains.filter((chain) => chain.length > 0))
    .filter((chains) => chains.length > 0)
}

/** Returns the steps that remain. */
export type Planner = (key: KeyRecord, distribution: DistributionRecord) => Plan

const PLANNERS: Readonly<Record<Rotation, Readonly<Record<DistributionState, Planner>>>> = {
  alias: {
    active: (key, distribution) => [
      ...planPresence(key, keptPart(withoutTrimmed(key, distribution))),
      ...planTrim(key, distribution),
    ],
    revoked: (key, distribution) => [
      ...planRevocation(withoutTrimmed(key, distribution)),
      ...planTrim(key, distribution),
    ],
    removed: (_key, distribution) => planRemoval(distribution),
  },
  in_place: {
    active: (key, whole) => {
      const distribution = keptPart(whole)
      const from = oldestVersion(key, distribution)
      const versions = storedVersionsOf(key).filter((version) => version >= from)
      return [
        ...planInPlace(distribution, versions),
        planMoves(distribution),
        planAliases(key, distribution),
      ]
    },
    revoked: (key, distribution) => planRevocationInPlace(distribution, storedVersionsOf(key)),
    removed: (_key, distribution) => planRemoval(distribution),
  },
}

/**
 * PURE: returns the plan without the deletions of `trim`. Only `trim` carries them out, so that no
 * other command destroys a KMS key as a side effect.
 */
export function planWithoutTrim(key: KeyRecord, distribution: DistributionRecord): Plan {
  const stages = plan(key, distribution)
  if (distribution.state === 'removed') return stages
  const isOther = (chain: Chain) => chain.every(({ action }) => action !== 'schedule-deletion')
  return withoutEmpty(stages.map((stage) => stage.filter(isOther)))
}

/**
 * PURE: returns a planner that also removes the aliases and KMS keys that remain in a dropped
 * Region. AWS deletes the KMS keys after `days` days, by default the waiting period of the
 * distribution. Only the command that drops the Region uses it.
 */
export function planDropping(region: string, days?: number): Planner {
  const withDays = (step: Step): Step =>
    step.action === 'schedule-deletion' && days !== undefined ? { ...step, days } : step
  return (key, distribution) => {
    const removal = planRemoval(droppedPart(distribution, region))
    return withoutEmpty([
      ...planWithoutTrim(key, distribution),
      ...removal.map((stage) => stage.map((chain) => chain.map(withDays))),
    ])
  }
}

function planRevocation(distribution: DistributionRecord): Stage[] {
  return [
    stepIf(keptPart(distribution), 'cancel-deletion', isScheduled),
    [
      ...stepIf(distribution, 'delete-material', holdsMaterial),
      // Nothing could bring back material that is not in this store.
      ...stepIf(distribution, 'disable', (entry) => lacksOriginal(entry) && entry.enabled === true),
    ],
    ...planSettings(keptPart(distribution)),
  ]
}

function planPresence(key: KeyRecord, distribution: DistributionRecord): Stage[] {
  const primaryOf = (version: number) => primaryRegion(distribution, version)
  const versions = storedVersionsOf(key).filter((version) => isAvailableVersion(key, version))
  const isPossible = (version: number, region: string) =>
    distribution.regions.includes(region) && !isGone(distribution, version, region)
  // A KMS key without material can be neither enabled nor disabled. The plan after its import does
  // it.
  const isToBe = (enabled: boolean) => (entry: CreatedKmsKey) =>
    (holdsMaterial(entry) || holdsUnknown(entry)) &&
    isEnabledVersion(key, entry.version) === enabled &&
    entry.enabled !== enabled
  return [
    stepIf(distribution, 'cancel-deletion', isScheduled),
    planRenewals(distribution),
    stepIf(distribution, 'enable', isToBe(true)),
    versions
      .filter((version) => isPossible(version, primaryOf(version)))
      .map((version) => planFilled(distribution, 'create', version, primaryOf(version))),
    versions.flatMap((version) =>
      distribution.regions
        .filter((region) => region !== primaryOf(version) && isPossible(version, region))
        .filter((region) => canReplicate(key, distribution, version, region))
        .map((region) => planFilled(distribution, 'replicate', version, region)),
    ),
    ...planSettings(distribution),
    planMoves(distribution, (version) => isEnabledVersion(key, version)),
    planAliases(key, distribution),
    [...stepIf(distribution, 'disable', isToBe(false)), ...disableNew(key, distribution, versions)],
  ]
}

/** True if AWS has shown that the KMS key has material that is not in this store. */
function holdsUnknown(entry: CreatedKmsKey): boolean {
  return lacksOriginal(entry) && entry.enabled !== undefined
}

/** True if the KMS key is lost, or can't be created because its primary is. */
function isGone(distribution: DistributionRecord, version: number, region: string): boolean {
  const state = kmsKeyAt(distribution, version, region)?.state
  if (state !== undefined) return state === 'lost'
  return kmsKeyAt(distribution, version, primaryRegion(distribution, version))?.state === 'lost'
}

/** Plans the KMS key of a version with its material. */
function planFilled(
  distribution: DistributionRecord,
  action: 'create' | 'replicate',
  version: number,
  region: string,
): Chain {
  const fill: Step = { action: 'import', version, region }
  const entry = kmsKeyAt(distribution, version, region)
  if (entry?.state !== 'created') return [{ action, version, region }, fill]
  return holdsMaterial(entry) ? [] : [fill]
}

/** AWS replicates only enabled KMS keys: a disabled version gets no new replica. */
export function canReplicate(
  key: KeyRecord,
  distribution: DistributionRecord,
  version: number,
  region: string,
): boolean {
  return isEnabledVersion(key, version) || kmsKeyAt(distribution, version, region) !== undefined
}

/** A KMS key that this plan creates is enabled after the import. */
function disableNew(
  key: KeyRecord,
  distribution: DistributionRecord,
  versions: readonly number[],
): Stage {
  return versions
    .filter((version) => !isEnabledVersion(key, version))
    .map((version) => ({ version, region: primaryRegion(distribution, version) }))
    .filter(
      ({ version, region }) =>
        !kmsKeyAt(distribution, version, region) && !isGone(distribution, version, region),
    )
    .map((place): Chain => [{ action: 'disable', ...place }])
}

function planAliases(key: KeyRecord, distribution: DistributionRecord): Stage {
  const wanted = wantedAliases(key, distribution)
  return distribution.regions.flatMap((region) => {
    const known = distribution.aliases.filter((entry) => entry.region === region)
    const isSet = (alias: string, version: number) =>
      known.some(
        (entry) => entry.name === alias && entry.state === 'set' && entry.version === version,
      )
    /** A version whose material is not in this store may have no KMS key in this Region. */
    const canName = (version: number) =>
      isStoredVersion(key, version) || createdKmsKeyAt(distribution, version, region) !== undefined
    return [
      ...[...wanted].map(([alias, version]): Chain =>
        isSet(alias, version) || isGone(distribution, version, region) || !canName(version)
          ? []
          : [{ action: 'point-alias', version, region, alias }],
      ),
      ...known.map(({ name }): Chain =>
        wanted.has(name) ? [] : [{ action: 'remove-alias', region, alias: name }],
      ),
    ]
  })
}
