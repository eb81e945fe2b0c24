import { compareTimes } from '../records/expiry.js'
import { createdKmsKeys, isAssociated } from '../records/kms-keys.js'
import type { DistributionRecord } from '../records/model.js'
import type { Chain, Stage } from './step.js'

/**
 * PURE: returns the steps that import stale material again. They come before all steps that AWS
 * refuses while material is expired. The material that expires first is renewed first, so that a
 * command that is interrupted again and again still renews all material in the end.
 */
export function planRenewals(distribution: DistributionRecord): Stage {
  return createdKmsKeys(distribution)
    .flatMap(({ region, materials }) =>
      materials
        .filter((material) => material.stale && material.imported && isAssociated(material))
        .map((material) => ({ ...material, region })),
    )
    .sort((one, other) => compareTimes(one.validTo ?? NEVER, other.validTo ?? NEVER))
    .map(({ version, region }): Chain => [{ action: 'renew', version, region }])
}

/** Sorts after every time. */
const NEVER = 'never'
