import type { RemovedDistribution } from '../core/records/removed.js'

/** The warning about a removed distribution: the date of its end, and the way back. */
export function explainRemoved({ providerName, key, date }: RemovedDistribution): string {
  const when = date === undefined ? '' : ` on ${date}`
  return `The distribution of ${key} to ${providerName} is removed, and AWS deletes its KMS keys${when}. Until then, restore it with: keymgmt write -f keymgmt/kms/${providerName}/key/${key}/restore`
}
