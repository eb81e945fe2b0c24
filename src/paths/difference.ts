import type { Difference } from '../core/operations/verify.js'
import { waysForward } from '../core/records/takedown.js'
import type { Json } from '../router/values.js'

/** The distribution that a difference was found in. */
export interface DistributionPath {
  readonly provider: string
  readonly key: string
}

/** A difference as data. */
export function differenceData(
  difference: Difference,
  where: DistributionPath,
): Record<string, Json> {
  const { what, region, version, subject, expected, found } = difference
  return {
    what,
    region,
    version: version ?? 0,
    subject,
    expected,
    found,
    mend: mendingCommand(difference, where) ?? null,
  }
}

/** A difference as a row of a table. */
export function differenceRow(
  difference: Difference,
  where: DistributionPath,
): Record<string, string> {
  const { what, region, version, subject, expected, found } = difference
  return {
    Region: region,
    Version: version === undefined ? '' : String(version),
    What: what,
    Subject: subject,
    Expected: expected,
    Found: found,
    Mend: mendingCommand(difference, where) ?? "can't be mended",
  }
}

/** An unfinished removal or revocation has two ways forward. */
function mendingCommand(
  { mendable, takedown }: Difference,
  { provider, key }: DistributionPath,
): string | undefined {
  if (takedown) {
    const { finish, restore } = waysForward(takedown, provider, key)
    return `${finish}, or ${restore}`
  }
  return mendable ? `keymgmt write -f keymgmt/kms/${provider}/key/${key}/repair` : undefined
}
