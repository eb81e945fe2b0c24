import { primaryRegion } from '../records/kms-keys.js'
import type { CreatedKmsKey, DistributionRecord, KeyRecord } from '../records/model.js'
import { isAvailableVersion } from '../records/trimmed.js'
import { isScheduled, stepIf, type Chain, type Stage } from './step.js'

/** PURE: schedules the KMS keys of trimmed versions for deletion. */
export function planTrim(key: KeyRecord, distribution: DistributionRecord): Stage[] {
  return planDeletions(distribution, ({ version }) => !isAvailableVersion(key, version))
}

/** PURE: removes the alias first, so that it never points to a KMS key that awaits deletion. */
export function planRemoval(distribution: DistributionRecord): Stage[] {
  const removals = distribution.aliases.map(({ region, name }): Chain => [
    { action: 'remove-alias', region, alias: name },
  ])
  return [removals, ...planDeletions(distribution)]
}

/** Deletes replicas before their primary, as AWS requires. */
function planDeletions(
  distribution: DistributionRecord,
  applies: (entry: CreatedKmsKey) => boolean = () => true,
): Stage[] {
  const deletions = (ofPrimaries: boolean) =>
    stepIf(
      distribution,
      'schedule-deletion',
      (entry) =>
        applies(entry) &&
        !isScheduled(entry) &&
        (entry.region === primaryRegion(distribution, entry.version)) === ofPrimaries,
    )
  return [deletions(false), deletions(true)]
}
