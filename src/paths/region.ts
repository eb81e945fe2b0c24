import { REGION_PATTERN } from '../kms/region.js'

/** The check of a field that takes an AWS Region. */
export const REGION = { pattern: REGION_PATTERN, example: 'us-west-1' }
