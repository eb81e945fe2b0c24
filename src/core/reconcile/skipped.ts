import { keptPart } from '../records/dropped-regions.js'
import { isInPlace, primaryRegion } from '../records/kms-keys.js'
import type { DistributionRecord, KeyRecord, KmsKeyPlace } from '../records/model.js'
import { misplacedPrimaries } from '../records/primary-regions.js'
import { isAvailableVersion, withoutTrimmed } from '../records/trimmed.js'
import { canReplicate, isEnabledVersion, storedVersionsOf } from './plan.js'

// AWS replicates a KMS key, and moves its primary, only while it is enabled. A plan has these steps
// once the version is enabled.

/** A step that is not taken because its version is disabled. */
export interface SkippedStep extends KmsKeyPlace {
  /** Creates a replica in `region`, or moves the primary from there. */
  readonly action: 'replicate' | 'move-primary'
  /** The Region to which the primary would be moved. */
  readonly to?: string
}

/**
 * PURE: returns the replicas that an active distribution lacks because their versions are disabled.
 */
export function skippedReplicas(key: KeyRecord, distribution: DistributionRecord): KmsKeyPlace[] {
  if (distribution.state !== 'active' || isInPlace(distribution)) return []
  const versions = storedVersionsOf(key).filter((version) => isAvailableVersion(key, version))
  return versions.flatMap((version) =>
    distribution.regions
      .filter((region) => region !== primaryRegion(distribution, version))
      .filter((region) => !canReplicate(key, distribution, version, region))
      .map((region) => ({ version, region })),
  )
}

/**
 * PURE: returns the moves of primaries that an active distribution lacks because their versions are
 * disabled.
 */
export function skippedMoves(key: KeyRecord, distribution: DistributionRecord): SkippedStep[] {
  if (distribution.state !== 'active' || isInPlace(distribution)) return []
  return misplacedPrimaries(keptPart(withoutTrimmed(key, distribution)))
    .filter(({ entry }) => !isEnabledVersion(key, entry.version))
    .map(({ entry: { version, region }, to }) => ({ action: 'move-primary', version, region, to }))
}

/** PURE: returns the steps that an active distribution lacks because versions are disabled. */
export function skippedSteps(key: KeyRecord, distribution: DistributionRecord): SkippedStep[] {
  return [
    ...skippedReplicas(key, distribution).map((place) => ({
      action: 'replicate' as const,
      ...place,
    })),
    ...skippedMoves(key, distribution),
  ]
}
