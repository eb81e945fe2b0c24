import { KeymgmtError } from '../../errors.js'
import { didYouMean } from '../../suggest.js'
import { KNOWN_REGIONS, partitionOf } from '../../aws/partition.js'
import { REGION_PATTERN } from '../../aws/region.js'

/**
 * Checks the Regions in a field.
 * @throws KeymgmtError FIELD_INVALID for a malformed one, for an unknown one unless `allowUnknown`,
 * and for Regions of two partitions: a multi-Region key stays in one.
 */
export function assertRegions(
  field: string,
  regions: readonly string[],
  allowUnknown: boolean,
): void {
  const malformed = regions.find((region) => !REGION_PATTERN.test(region))
  if (malformed !== undefined)
    throw invalid(field, 'a Region has the wrong form', ['a Region looks like us-west-1'])
  const unknown = regions.find((region) => !KNOWN_REGIONS.includes(region))
  if (unknown !== undefined && !allowUnknown)
    throw invalid(field, `"${unknown}" is not a Region that keymgmt knows`, [
      ...didYouMean(unknown, KNOWN_REGIONS, 2),
      'if it is a new Region of AWS, add allow_unknown_region=true',
    ])
  const [first, other] = new Map(regions.map((region) => [partitionOf(region), region])).values()
  if (first !== undefined && other !== undefined)
    throw invalid(field, `${first} and ${other} are in different partitions of AWS`, [
      'AWS replicates a KMS key within one partition; create another key for the other one',
    ])
}

function invalid(field: string, problem: string, hints: readonly string[]): KeymgmtError {
  return new KeymgmtError('FIELD_INVALID', `field "${field}": ${problem}`, { hints })
}
