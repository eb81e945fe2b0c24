import { createdKmsKeyAt, isFilled, lacksOriginal } from '../records/kms-keys.js'
import type { CreatedKmsKey, DistributionRecord } from '../records/model.js'
import { misplacedPrimaries } from '../records/primary-regions.js'
import { isScheduled, type Chain, type Stage } from './step.js'

/**
 * PURE: returns the steps that move primaries to the Region that the user chose. AWS requires that
 * the primary and the replica there are enabled: other primaries stay until a later plan.
 */
export function planMoves(
  distribution: DistributionRecord,
  isEnabled: (version: number) => boolean = () => true,
): Stage {
  return misplacedPrimaries(distribution)
    .filter(({ entry, to }) => {
      const replica = createdKmsKeyAt(distribution, entry.version, to)
      return isEnabled(entry.version) && isReady(entry) && replica !== undefined && isReady(replica)
    })
    .map(({ entry: { version, region }, to }): Chain => [
      { action: 'move-primary', version, region, to },
    ])
}

/** Pending material waits for its rotation, which only the primary can do. */
function isReady(entry: CreatedKmsKey): boolean {
  return (
    entry.enabled === true &&
    !isScheduled(entry) &&
    (isFilled(entry) || lacksOriginal(entry)) &&
    !entry.materials.some(({ pending }) => pending)
  )
}
