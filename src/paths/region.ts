import { REGION_PATTERN } from '../aws/region.js'
import { boolean } from '../router/fields.js'

/** The check of a field that takes an AWS Region. */
export const REGION = { pattern: REGION_PATTERN, example: 'us-west-1' }

/** The check of a field that takes a list of AWS Regions. */
export const REGIONS = {
  ...REGION,
  refuseEmpty: 'a variable may be unset; to use the default, leave the field out',
}

/** The field that allows a Region that this version does not know. */
export const allowUnknownRegion = boolean(
  'Accept a Region that this version of keymgmt does not know.',
)
