import {
  createdKmsKeyAt,
  createdKmsKeys,
  isAssociated,
  isFilled,
  kmsKeyAt,
  materialIn,
  primaryRegion,
} from '../records/kms-keys.js'
import { keptPart } from '../records/dropped-regions.js'
import type { CreatedKmsKey, DistributionRecord, MaterialEntry } from '../records/model.js'
import { planRenewals } from './plan-renewals.js'
import { planSettings } from './plan-settings.js'
import { isScheduled, stepIf, type Chain, type Stage, type Step } from './step.js'

// With rotation in place, a distribution has one KMS key in each Region. AWS takes one new material
// at a time: it must be in every Region and be rotated to before the next. So the versions form one
// chain, whose first failure stops the later ones.

/**
 * PURE: returns the steps after which one KMS key in each Region has the material of all
 * `versions`, and the last one is current. `versions` start with the oldest in the KMS keys, and
 * leave out versions whose material is not in the store.
 */
export function planInPlace(
  distribution: DistributionRecord,
  versions: readonly number[],
): Stage[] {
  return [
    stepIf(distribution, 'cancel-deletion', isScheduled),
    planRenewals(distribution),
    planRefill(distribution, versions),
    stepIf(distribution, 'enable', (entry) => isFilled(entry) && entry.enabled !== true),
    [planVersions(distribution, versions)],
    planReplicas(distribution, versions),
    ...planSettings(distribution),
  ]
}

/**
 * PURE: returns the steps that delete the material of all `versions`, which are those in the store.
 * AWS refuses to use a KMS key without one of its materials. Deletes pending material first, in the
 * primary only: AWS then drops it in every Region. Disables a KMS key if nothing could bring back
 * any of its materials.
 */
export function planRevocationInPlace(
  distribution: DistributionRecord,
  versions: readonly number[],
): Stage[] {
  const isStored = ({ version }: MaterialEntry) => versions.includes(version)
  const deletions = (applies: (material: MaterialEntry, entry: CreatedKmsKey) => boolean) =>
    createdKmsKeys(distribution).map((entry) =>
      entry.materials
        .filter((material) => isStored(material) && applies(material, entry))
        .map(({ version }): Step => ({ action: 'delete-material', version, region: entry.region })),
    )
  return [
    stepIf(keptPart(distribution), 'cancel-deletion', isScheduled),
    deletions(({ pending }, entry) => pending === true && isPrimary(distribution, entry)),
    deletions(
      ({ pending, imported, operationId }) => !pending && (imported || operationId !== undefined),
    ),
    stepIf(
      distribution,
      'disable',
      ({ materials, enabled }) => !materials.some(isStored) && enabled === true,
    ),
    ...planSettings(keptPart(distribution)),
  ]
}

function isPrimary(distribution: DistributionRecord, { version, region }: CreatedKmsKey): boolean {
  return region === primaryRegion(distribution, version)
}

/** Brings back material that the KMS keys had before. */
function planRefill(distribution: DistributionRecord, versions: readonly number[]): Stage {
  return createdKmsKeys(distribution).map(({ region, materials }) =>
    materials
      .filter((material) => isAssociated(material) && !material.imported)
      .filter(({ version }) => versions.includes(version))
      .map(({ version }): Step => ({ action: 'import', version, region })),
  )
}

/** Creates the primary, and rotates it to each version that it lacks, oldest first. */
function planVersions(distribution: DistributionRecord, versions: readonly number[]): Chain {
  const [oldest] = versions
  if (oldest === undefined) return []
  const region = primaryRegion(distribution, oldest)
  const entry = kmsKeyAt(distribution, oldest, region)
  if (entry?.state === 'lost') return []
  const primary = entry?.state === 'created' ? entry : undefined
  const isFirst = (version: number) => (primary?.materials[0]?.version ?? oldest) === version
  const replicas = createdKmsKeys(distribution).filter((each) => each.region !== region)
  return [
    ...(primary ? [] : [{ action: 'create', version: oldest, region } as const]),
    ...versions.flatMap((version): Step[] => {
      const known = primary && materialIn(primary, version)
      if (known && isAssociated(known)) return []
      const lacking = [...(primary ? [primary] : []), ...replicas].filter(
        (each) => materialIn(each, version)?.imported !== true,
      )
      const regions = primary ? lacking.map((each) => each.region) : [region]
      return [
        ...regions.map((place): Step => ({ action: 'import', version, region: place })),
        ...(isFirst(version) ? [] : [{ action: 'rotate', version, region } as const]),
      ]
    }),
  ]
}

/** A new replica gets all material of its primary. */
function planReplicas(distribution: DistributionRecord, versions: readonly number[]): Stage {
  const [oldest] = versions
  if (oldest === undefined) return []
  const home = primaryRegion(distribution, oldest)
  const primary = createdKmsKeyAt(distribution, oldest, home)
  if (kmsKeyAt(distribution, oldest, home)?.state === 'lost') return []
  const held = versions.filter(
    (version) => !primary || materialIn(primary, version)?.materialId !== undefined,
  )
  return distribution.regions
    .filter((region) => region !== home)
    .filter((region) => {
      const state = kmsKeyAt(distribution, oldest, region)?.state
      return state === undefined || state === 'creating'
    })
    .map((region): Chain => [
      { action: 'replicate', version: oldest, region },
      ...held.map((version): Step => ({ action: 'import', version, region })),
    ])
}
