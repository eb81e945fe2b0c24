import { aliasName, versionAliasName } from '../records/alias-names.js'
import {
  createdKmsKeyAt,
  createdKmsKeys,
  holdsMaterial,
  lacksOriginal,
  kmsKeyAt,
  primaryRegion,
} from '../records/kms-keys.js'
import type {
  CreatedKmsKey,
  DistributionRecord,
  DistributionState,
  KeyRecord,
  KmsKeyPlace,
} from '../records/model.js'

/** The fields of each step: the place of a KMS key, or an alias in a Region. */
interface StepFields {
  readonly create: KmsKeyPlace
  readonly replicate: KmsKeyPlace
  readonly import: KmsKeyPlace
  readonly tag: KmsKeyPlace
  readonly enable: KmsKeyPlace
  readonly disable: KmsKeyPlace
  readonly 'delete-material': KmsKeyPlace
  readonly 'schedule-deletion': KmsKeyPlace
  readonly 'cancel-deletion': KmsKeyPlace
  readonly 'point-alias': KmsKeyPlace & { readonly alias: string }
  readonly 'remove-alias': { readonly region: string; readonly alias: string }
}

type StepAction = keyof StepFields

/** One step of an action. */
export type StepOf<Action extends StepAction> = {
  readonly action: Action
} & StepFields[Action]

/** One change in the KMS: to the KMS key of one version in one Region, or to an alias there. */
export type Step = { readonly [Action in StepAction]: StepOf<Action> }[StepAction]

/** Steps that run one after the other. */
export type Chain = readonly Step[]

/** Chains that may run in parallel. */
export type Stage = readonly Chain[]

/** Stages that run one after the other. */
export type Plan = readonly Stage[]

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
  { name, versionAliases }: DistributionRecord,
): ReadonlyMap<string, number> {
  const ofVersions = versionAliases
    ? versionsOf(key).map((version) => [versionAliasName(name, version), version] as const)
    : []
  return new Map([[aliasName(name), newestVersion(key)], ...ofVersions])
}

/** Returns all versions, including one whose rotation is not finished. */
function versionsOf(key: KeyRecord): number[] {
  return Array.from({ length: newestVersion(key) }, (_, index) => index + 1)
}

/**
 * PURE: returns the steps that lead from the recorded state to the desired state of `key` and
 * `distribution`. An empty plan means that no step remains. Planning again after any step returns
 * the remaining steps, so an interrupted command can be resumed: the records are the journal.
 */
export function plan(key: KeyRecord, distribution: DistributionRecord): Plan {
  return PLANNERS[distribution.state](key, distribution)
    .map((chains) => chains.filter((chain) => chain.length > 0))
    .filter((chains) => chains.length > 0)
}

const PLANNERS: Readonly<
  Record<DistributionState, (key: KeyRecord, distribution: DistributionRecord) => Stage[]>
> = {
  active: planPresence,
  revoked: (_key, distribution) => [
    stepIf(distribution, 'cancel-deletion', isScheduled),
    stepIf(distribution, 'delete-material', holdsMaterial),
    stepIf(distribution, 'tag', isUntagged),
  ],
  removed: (_key, distribution) => planRemoval(distribution),
}

/** The actions on a KMS key that exists. */
type ExistingKeyAction = Exclude<
  StepAction,
  'create' | 'replicate' | 'import' | 'point-alias' | 'remove-alias'
>

/** Returns a step for each created KMS key that `applies` accepts. */
function stepIf(
  distribution: DistributionRecord,
  action: ExistingKeyAction,
  applies: (entry: CreatedKmsKey) => boolean,
): Stage {
  return createdKmsKeys(distribution)
    .filter(applies)
    .map(({ version, region }): Chain => [{ action, version, region }])
}

const isScheduled = ({ deletion }: CreatedKmsKey) => deletion !== undefined
const isUntagged = ({ untagged }: CreatedKmsKey) => untagged === true

function planPresence(key: KeyRecord, distribution: DistributionRecord): Stage[] {
  const primaryOf = (version: number) => primaryRegion(distribution, version)
  // If the material of a version is not in this store, no KMS key can be created or filled.
  const versions = versionsOf(key).filter(
    (version) => key.versions[version]?.material.state !== 'not-in-store',
  )
  const isPossible = (version: number, region: string) => !isGone(distribution, version, region)
  // A KMS key without material can be neither enabled nor disabled. The plan after its import does
  // it.
  const isToBe = (enabled: boolean) => (entry: CreatedKmsKey) =>
    (holdsMaterial(entry) || holdsUnknown(entry)) &&
    isEnabledVersion(key, entry.version) === enabled &&
    entry.enabled !== enabled
  return [
    stepIf(distribution, 'cancel-deletion', isScheduled),
    stepIf(distribution, 'enable', isToBe(true)),
    versions
      .filter((version) => isPossible(version, primaryOf(version)))
      .map((version) => planFilled(distribution, 'create', version, primaryOf(version))),
    versions.flatMap((version) =>
      distribution.regions
        .filter((region) => region !== primaryOf(version) && isPossible(version, region))
        .map((region) => planReplica(distribution, version, region)),
    ),
    stepIf(distribution, 'tag', isUntagged),
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

/** Only an enabled KMS key can be replicated; the next plan disables it again. */
function planReplica(distribution: DistributionRecord, version: number, region: string): Chain {
  const steps = planFilled(distribution, 'replicate', version, region)
  const primary = primaryRegion(distribution, version)
  const source = createdKmsKeyAt(distribution, version, primary)
  return steps[0]?.action === 'replicate' && source && source.enabled !== true
    ? [{ action: 'enable', version, region: primary }, ...steps]
    : steps
}

/** A KMS key that this plan creates is enabled after the import. */
function disableNew(
  key: KeyRecord,
  distribution: DistributionRecord,
  versions: readonly number[],
): Stage {
  return versions
    .filter((version) => !isEnabledVersion(key, version))
    .flatMap((version) =>
      distribution.regions
        .filter(
          (region) =>
            !kmsKeyAt(distribution, version, region) && !isGone(distribution, version, region),
        )
        .map((region): Chain => [{ action: 'disable', version, region }]),
    )
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
      key.versions[version]?.material.state !== 'not-in-store' ||
      createdKmsKeyAt(distribution, version, region) !== undefined
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

/**
 * Removes the alias first, so that it never points to a KMS key that awaits deletion. Deletes
 * replicas before their primary, as AWS requires.
 */
function planRemoval(distribution: DistributionRecord): Stage[] {
  const removals = distribution.aliases.map(({ region, name }): Chain => [
    { action: 'remove-alias', region, alias: name },
  ])
  const deletions = (ofPrimaries: boolean) =>
    stepIf(
      distribution,
      'schedule-deletion',
      (entry) =>
        !isScheduled(entry) &&
        (entry.region === primaryRegion(distribution, entry.version)) === ofPrimaries,
    )
  return [removals, deletions(false), deletions(true)]
}
