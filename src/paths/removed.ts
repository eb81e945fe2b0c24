import type { RemovedDistribution } from '../core/records/removed.js'

/** Returns the warning about a removed distribution: the deletion date, and how to restore it. */
export function explainRemoved({ providerName, key, date }: RemovedDistribution): string {
  const when = date === undefined ? '' : ` on ${date}`
  return `The distribution of ${key} to ${providerName} is removed, and AWS deletes its KMS keys${when}. Until then, restore it with: keymgmt write -f keymgmt/kms/${providerName}/key/${key}/restore`
}
