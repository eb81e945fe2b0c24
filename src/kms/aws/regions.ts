import { KeymgmtError } from '../../errors.js'
import { didYouMean } from '../../suggest.js'
import { REGION_PATTERN } from '../../aws/region.js'

/** The Regions of each partition, as the AWS SDK lists them; a test compares the two. */
const REGIONS = Object.entries({
  aws: [
    'af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1',
    'ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5',
    'ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1',
    'eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1',
    'me-west-1 mx-central-1 sa-east-1 sa-west-1 us-east-1 us-east-2 us-west-1 us-west-2',
  ],
  'aws-cn': ['cn-north-1 cn-northwest-1'],
  'aws-eusc': ['eusc-de-east-1'],
  'aws-iso': ['us-iso-east-1 us-iso-west-1'],
  'aws-iso-b': ['us-isob-east-1 us-isob-west-1'],
  'aws-iso-e': ['eu-isoe-west-1'],
  'aws-iso-f': ['us-isof-east-1 us-isof-south-1'],
  'aws-us-gov': ['us-gov-east-1 us-gov-west-1'],
}).flatMap(([partition, lines]) =>
  lines.flatMap((line) => line.split(' ').map((region) => ({ region, partition }))),
)

/** The Regions that keymgmt knows. */
export const KNOWN_REGIONS: readonly string[] = REGIONS.map(({ region }) => region)

/**
 * Returns the beginning of a Region's name that identifies its partition and geography, such as
 * `us-gov-`.
 */
const geographyOf = (region: string) => region.replace(/[a-z]+-\d+$/, '')

/**
 * PURE: returns the partition of a Region. For an unknown Region, returns that of its geography, or
 * `aws`.
 */
export function partitionOf(region: string): string {
  const geography = geographyOf(region)
  return REGIONS.find((known) => geographyOf(known.region) === geography)?.partition ?? 'aws'
}

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
