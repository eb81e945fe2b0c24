import type { CopyRecord, DistributionRecord, KeyRecord } from './records.js'

/** One call to the KMS, for one version in one Region. */
export interface Step {
  readonly action: 'create' | 'replicate' | 'import' | 'point-alias' | 'enable' | 'disable' | 'remove-alias' | 'schedule-deletion'
  readonly version: number
  readonly region: string
}

/** Steps to be taken one after the other. */
export type Chain = readonly Step[]

/** Chains that may run side by side; every one of them is done before the next stage begins. */
export type Plan = readonly (readonly Chain[])[]

/** The version that a finished rotation makes the latest. */
export function newestVersion(key: KeyRecord): number {
  return key.pending_version ?? key.latest_version
}

/** Whether `min_enabled_version` leaves a version usable. */
export function isEnabledVersion(key: KeyRecord, version: number): boolean {
  return version >= key.min_enabled_version
}

/**
 * PURE: what is still to be done until the KMS has what `key` and `distribution` say, judged by what is recorded of
 * it. An empty plan means that nothing is. Planning again after any of its steps gives the rest, which is what makes
 * an interrupted command resumable.
 */
export function plan(key: KeyRecord, distribution: DistributionRecord): Plan {
  const stages = distribution.state === 'active' ? planPresence(key, distribution) : planRemoval(distribution)
  return stages.map((chains) => chains.filter((chain) => chain.length > 0)).filter((chains) => chains.length > 0)
}

function planPresence(key: KeyRecord, distribution: DistributionRecord): Chain[][] {
  const versions = Array.from({ length: newestVersion(key) }, (_, index) => index + 1)
  const [primary, ...replicas] = distribution.regions
  if (primary === undefined) return []
  const copy = (version: number, region: string) => distribution.copies[version]?.[region]
  const each = (steps: (version: number, region: string) => Chain) =>
    versions.flatMap((version) => distribution.regions.map((region) => steps(version, region)))

  const primaries = versions.map((version): Chain => fill(copy(version, primary), 'create', version, primary))
  const copies = versions.flatMap((version) =>
    replicas.map((region): Chain => {
      const steps = fill(copy(version, region), 'replicate', version, region)
      // Only an enabled KMS key can be replicated; the next plan disables it again.
      const asleep = steps[0]?.action === 'replicate' && copy(version, primary)?.enabled === false
      return asleep ? [{ action: 'enable', version, region: primary }, ...steps] : steps
    }),
  )
  const target = newestVersion(key)
  const aliases = distribution.regions.map((region): Chain =>
    distribution.aliases[region] === target ? [] : [{ action: 'point-alias', version: target, region }],
  )
  const states = each((version, region): Chain => {
    const enabled = copy(version, region)?.enabled ?? true
    const wanted = isEnabledVersion(key, version)
    return enabled === wanted ? [] : [{ action: wanted ? 'enable' : 'disable', version, region }]
  })
  const only = (action: Step['action']) => states.filter((chain) => chain[0]?.action === action)
  return [only('enable'), primaries, copies, aliases, only('disable')]
}

function fill(copy: CopyRecord | undefined, make: 'create' | 'replicate', version: number, region: string): Chain {
  if (copy?.imported) return []
  const steps: Step[] = [{ action: 'import', version, region }]
  return copy?.key ? steps : [{ action: make, version, region }, ...steps]
}

/** The alias goes first, so that nobody is sent to a KMS key that is on its way out; a primary outlives its replicas. */
function planRemoval({ regions, aliases, copies }: DistributionRecord): Chain[][] {
  const [primary, ...replicas] = regions
  const removals = Object.keys(aliases).map((region): Chain => [{ action: 'remove-alias', version: 0, region }])
  const deletions = (wanted: readonly string[]) =>
    Object.entries(copies).flatMap(([version, places]) =>
      wanted
        .filter((region) => places[region] !== undefined && places[region].deletion_scheduled !== true)
        .map((region): Chain => [{ action: 'schedule-deletion', version: Number(version), region }]),
    )
  return [removals, deletions(replicas), deletions(primary === undefined ? [] : [primary])]
}
