import { createdKmsKeys, versionsIn } from './kms-keys.js'
import type { DistributionRecord } from './model.js'

/** US dollars a month for a KMS key in a Region. */
const KMS_KEY = 1
/**
 * The number of rotations of a KMS key that each cost as much as a KMS key; later ones are free.
 */
const MAX_BILLED_ROTATIONS = 2

/**
 * PURE: returns AWS's monthly charge for the KMS keys of a distribution, in US dollars: for each
 * one in each Region, unless its deletion is scheduled. Requests are not included.
 * @see https://aws.amazon.com/kms/pricing/
 */
export function monthlyCost(record: DistributionRecord): number {
  return createdKmsKeys(record)
    .filter(({ deletion }) => deletion === undefined)
    .reduce((sum, entry) => {
      // AWS's own count is on record only where keymgmt has read it.
      const rotations = Math.max(
        entry.rotations ?? 0,
        versionsIn(entry, record.rotation).length - 1,
      )
      return sum + KMS_KEY * (1 + Math.min(rotations, MAX_BILLED_ROTATIONS))
    }, 0)
}
