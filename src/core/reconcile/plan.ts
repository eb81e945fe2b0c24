import { aliasName, versionAliasName } from '../records/alias-names.js'
import type {
  CopyRecord,
  DistributionRecord,
  DistributionState,
  KeyRecord,
} from '../records/model.js'

/**
 * One thing to be done in the KMS: to the KMS key of one version in one Region, or to an alias
 * there.
 */
export interface Step {
  readonly action:
    | 'create'
    | 'replicate'
    | 'import'
    | 'tag'
    | 'enable'
    | 'disable'
    | 'point-alias'
    | 'remove-alias'
    | 'delete-material'
    | 'schedule-deletion'
    | 'cancel-deletion'
  /** 0 where no version is concerned. */
  readonly version: number
  readonly region: string
  readonly alias?: string
}

/** Steps to be taken one after the other. */
export type Chain = readonly Step[]

/** Chains that may run side by side. */
export type Stage = readonly Chain[]

/** Every stage is done before the next begins. */
export type Plan = readonly Stage[]

/** The version that a finished rotation makes the latest. */
export function newestVersion(key: KeyRecord): number {
  return key.pending_version ?? key.latest_version
}

/** Whether `min_enabled_version` leaves a version usable. */
export function isEnabledVersion(key: KeyRecord, version: number): boolean {
  return version >= key.min_enabled_version
}

/**
 * The aliases that an active distribution has in each of its Regions, and the version that each
 * names.
 */
export function wantedAliases(
  key: KeyRecord,
  { name, version_aliases }: DistributionRecord,
): ReadonlyMap<string, number> {
  const ofVersions = version_aliases
    ? versionsOf(key).map((version) => [versionAliasName(name, version), version] as const)
    : []
  return new Map([[aliasName(name), newestVersion(key)], ...ofVersions])
}

/** Every version, also the one whose rotation is not finished. */
function versionsOf(key: KeyRecord): number[] {
  return Array.from({ length: newestVersion(key) }, (_, index) => index + 1)
}

/**
 * PURE: what is still to be done until the KMS has what `key` and `distribution` say, judged by
 * what is recorded of it. An empty plan means that nothing is. Planning again after any of its
 * steps gives the rest, which is what makes an interrupted command resumable: the records are the
 * journal.
 */
export function plan(key: KeyRecord, distribution: DistributionRecord): Plan {
  return PLANNERS[distribution.state](key, distribution)
    .map((chains) => chains.filter((chain) => chain.length > 0))
    .filter((chains) => chains.length > 0)
}

/**
 * Whether an earlier command left something to do. A removed distribution is put aside when it is
 * done.
 */
export function isUnfinished(key: KeyRecord, distribution: DistributionRecord): boolean {
  return distribution.state === 'removed' || plan(key, distribution).length > 0
}

const PLANNERS: Readonly<
  Record<DistributionState, (key: KeyRecord, distribution: DistributionRecord) => Stage[]>
> = {
  active: planPresence,
  revoked: (_key, distribution) => [
    stepIf(distribution, 'cancel-deletion', isGoing),
    stepIf(distribution, 'delete-material', ({ copy }) => copy.imported),
    stepIf(distribution, 'tag', isUntagged),
  ],
  removed: (_key, distribution) => planRemoval(distribution),
}

/** A copy with its place. */
export interface PlacedCopy {
  readonly version: number
  readonly region: string
  readonly copy: CopyRecord
}

/** Every copy that is on record. */
export function copiesOf({ copies }: DistributionRecord): PlacedCopy[] {
  return Object.entries(copies).flatMap(([version, places]) =>
    Object.entries(places).map(([region, copy]) => ({ version: Number(version), region, copy })),
  )
}

/** The step for each copy that it applies to. */
function stepIf(
  distribution: DistributionRecord,
  action: Step['action'],
  applies: (placed: PlacedCopy) => boolean,
): Stage {
  return copiesOf(distribution)
    .filter(applies)
    .map(({ version, region }): Chain => [{ action, version, region }])
}

const isGoing = ({ copy }: PlacedCopy) => copy.deletion_scheduled === true
const isUntagged = ({ copy }: PlacedCopy) => copy.untagged === true

function planPresence(key: KeyRecord, distribution: DistributionRecord): Stage[] {
  const { regions, copies } = distribution
  const [primary = '', ...replicas] = regions
  const versions = versionsOf(key)
  // What has no material can be neither enabled nor disabled; once it has, the next plan sees to
  // it.
  const isTo =
    (wanted: boolean) =>
    ({ version, copy }: PlacedCopy) =>
      copy.imported && isEnabledVersion(key, version) === wanted && copy.enabled !== wanted
  return [
    stepIf(distribution, 'cancel-deletion', isGoing),
    stepIf(distribution, 'enable', isTo(true)),
    versions.map((version) => fill(copies[version]?.[primary], 'create', version, primary)),
    versions.flatMap((version) =>
      replicas.map((region) => fillReplica(copies[version] ?? {}, version, primary, region)),
    ),
    stepIf(distribution, 'tag', isUntagged),
    planAliases(key, distribution),
    [...stepIf(distribution, 'disable', isTo(false)), ...disableNew(key, distribution, versions)],
  ]
}

function fill(
  copy: CopyRecord | undefined,
  make: 'create' | 'replicate',
  version: number,
  region: string,
): Chain {
  if (copy?.imported) return []
  const steps: Step[] = [{ action: 'import', version, region }]
  return copy?.key ? steps : [{ action: make, version, region }, ...steps]
}

/** Only an enabled KMS key can be replicated; the next plan disables it again. */
function fillReplica(
  places: Readonly<Record<string, CopyRecord>>,
  version: number,
  primary: string,
  region: string,
): Chain {
  const steps = fill(places[region], 'replicate', version, region)
  const asleep =
    steps[0]?.action === 'replicate' &&
    places[primary] !== undefined &&
    places[primary].enabled !== true
  return asleep ? [{ action: 'enable', version, region: primary }, ...steps] : steps
}

/** A copy that this very plan makes is enabled when it is done. */
function disableNew(
  key: KeyRecord,
  { copies, regions }: DistributionRecord,
  versions: readonly number[],
): Stage {
  return versions
    .filter((version) => !isEnabledVersion(key, version))
    .flatMap((version) =>
      regions
        .filter((region) => !copies[version]?.[region])
        .map((region): Chain => [{ action: 'disable', version, region }]),
    )
}

function planAliases(key: KeyRecord, distribution: DistributionRecord): Stage {
  const wanted = wantedAliases(key, distribution)
  return distribution.regions.flatMap((region) => {
    const known = distribution.aliases[region] ?? {}
    return [
      ...[...wanted].map(([alias, version]): Chain =>
        known[alias]?.version === version
          ? []
          : [{ action: 'point-alias', version, region, alias }],
      ),
      ...Object.keys(known).map((alias): Chain =>
        wanted.has(alias) ? [] : [{ action: 'remove-alias', version: 0, region, alias }],
      ),
    ]
  })
}

/**
 * The alias goes first, so that nobody is sent to a KMS key that is on its way out; a primary
 * outlives its replicas.
 */
function planRemoval(distribution: DistributionRecord): Stage[] {
  const [primary] = distribution.regions
  const removals = Object.entries(distribution.aliases).flatMap(([region, names]) =>
    Object.keys(names).map((alias): Chain => [
      { action: 'remove-alias', version: 0, region, alias },
    ]),
  )
  const deletions = (ofPrimaries: boolean) =>
    stepIf(
      distribution,
      'schedule-deletion',
      (placed) => !isGoing(placed) && (placed.region === primary) === ofPrimaries,
    )
  return [removals, deletions(false), deletions(true)]
}
